"""The whole URL table of the web port. The intake port serves the participations route alone (see intake.py)."""

from __future__ import annotations

from typing import Any

from handlers import auth, campaigns, citizens, docs, health, live, official, pages, participations, posters, staff

SLUG = r"([a-z0-9][a-z0-9-]{0,31})"
API = r"/api/v1"

ROUTES: list[tuple[str, type[Any]]] = [
    # WeChat calls us
    (r"/wechat/official", official.OfficialCallback),
    (r"/wechat/miniprogram", official.MiniProgramCallback),
    (r"/MP_verify_([A-Za-z0-9]{1,64})\.txt", official.VerificationText),
    # who is calling
    (r"/auth/official", auth.Start),
    (r"/auth/official/callback", auth.Callback),
    (rf"{API}/session/miniprogram", auth.MiniProgramSession),
    (rf"{API}/jssdk", auth.JsSdk),
    (rf"{API}/citizens/me", citizens.Me),
    # campaigns
    (rf"{API}/campaigns", campaigns.List),
    (rf"{API}/campaigns/{SLUG}", campaigns.One),
    (rf"{API}/campaigns/{SLUG}/units", campaigns.Units),
    (rf"{API}/campaigns/{SLUG}/counters", campaigns.Counters),
    (rf"{API}/campaigns/{SLUG}/messages", campaigns.Messages),
    (rf"{API}/campaigns/{SLUG}/visits", campaigns.Visits),
    (rf"{API}/campaigns/{SLUG}/participations", participations.Participations),
    (rf"{API}/campaigns/{SLUG}/participations/me", participations.Mine),
    (rf"{API}/campaigns/{SLUG}/posters/me\.jpg", posters.Mine),
    (rf"/live/campaigns/{SLUG}", live.CampaignSocket),
    # staff
    (rf"{API}/staff/session", staff.Session),
    (rf"{API}/staff/campaigns", staff.Campaigns),
    (rf"{API}/staff/campaigns/{SLUG}", staff.Campaign),
    (rf"{API}/staff/campaigns/{SLUG}/state", staff.CampaignState),
    (rf"{API}/staff/campaigns/{SLUG}/places", staff.Places),
    (rf"{API}/staff/campaigns/{SLUG}/messages", staff.Messages),
    (rf"{API}/staff/campaigns/{SLUG}/messages/(\d{{15}}:[0-9a-f]{{32}})", staff.Message),
    (rf"{API}/staff/campaigns/{SLUG}/voids", staff.Voids),
    (rf"{API}/staff/campaigns/{SLUG}/journals", staff.Journals),
    # pages
    (r"/", pages.Front),
    (rf"/c/{SLUG}", pages.CampaignPage),
    (r"/s/([A-Za-z0-9]{1,16})", pages.ShortLink),
    (rf"/screen/{SLUG}", pages.Screen),
    (r"/console(?:/.*)?", pages.Console),
    (r"/static/(.*)", pages.Static),
    # operations
    (r"/healthz", health.Live),
    (r"/readyz", health.Ready),
    (r"/version", health.Version),
    (r"/metrics", health.Metrics),
    (r"/openapi.json", docs.OpenApi),
    (r"/docs", docs.Page),
]
