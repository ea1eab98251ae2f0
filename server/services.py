"""Every service of one process, and how they are built: plain calls in order, no magic. This is the wiring; read it top-down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from server.audit import Audit
from server.campaigns import Campaign, Campaigns, CampaignStore
from server.citizens import Citizens
from server.clock import Clock
from server.counting import Amendments, Counting
from server.counting.epochs import EpochStore
from server.counting.keeper import Keeper
from server.counting.receipts import Receipts
from server.counting.reconcile import Reconcile
from server.counting.shards import Shard, shards_for
from server.journals import Journals
from server.ledger import Archive, Ledger, Ledgers
from server.live import Live
from server.messages import Messages, MessageStore
from server.metrics import Metrics
from server.official import OfficialCallbacks, VerificationTexts
from server.official.repeats import Repeats
from server.participations import ParticipationStore
from server.places import Places, PlaceStore
from server.posters import Posters
from server.readiness import Readiness, store_probes
from server.replies import Context
from server.seals import Seal
from server.short_links import ShortLinks, ShortLinkStore
from server.staff import Staff, StaffStore
from server.stores import Stores
from server.tokens import Tokens
from server.visits import Visits
from server.web_login import WebLogin
from server.wechat import Account
from server.wechat.client import Client
from server.wechat.transport import Transport


@dataclass(frozen=True)
class Options:
    """What the composition root takes from the settings, as values."""

    owner: str
    secret_key: bytes
    base_url: str
    is_public: bool
    simulated: bool
    data_dir: Path
    assets: Path
    shards: int
    journal_max_changes: int
    queue_max_requests: int
    request_deadline_seconds: float
    live_max_sockets: int
    poster_workers: int
    poster_queue: int
    token_ttl_seconds: int
    callback_max_age_seconds: int
    identity: str
    platform_url: str
    authorize_url: str
    official: Account
    miniprogram: Account


@dataclass(frozen=True)
class Services:
    """What handlers, jobs and commands may call."""

    amendments: Amendments
    audit: Audit
    campaigns: Campaigns
    citizens: Citizens
    counting: Counting
    epochs: EpochStore
    journals: Journals
    keeper: Keeper
    ledgers: Ledgers
    live: Live
    messages: Messages
    metrics: Metrics
    miniprogram: OfficialCallbacks
    miniprogram_client: Client
    official: OfficialCallbacks
    official_client: Client
    places: Places
    posters: Posters
    readiness: Readiness
    reconcile: Reconcile
    short_links: ShortLinks
    staff: Staff
    stores: Stores
    tokens: Tokens
    verification_texts: VerificationTexts
    visits: Visits
    web_login: WebLogin

    async def close(self) -> None:
        """Hand over and answer what was accepted; the stores stay open until after this."""
        for service in (self.official, self.miniprogram, self.ledgers, self.counting, self.posters, self.citizens,
                        self.official_client, self.miniprogram_client):
            await service.close()


def build(stores: Stores, options: Options, clock: Clock) -> Services:
    """Make every service. Nothing is started and nothing is asked of a store yet."""
    mongo, redis, secret = stores.mongo, stores.redis, options.secret_key
    metrics = Metrics()

    async def default_shards() -> int:
        return options.shards or await shards_for(stores.counting)

    campaigns = Campaigns(CampaignStore(mongo), default_shards=default_shards, is_public=options.is_public, simulated=options.simulated)
    places = Places(PlaceStore(mongo), campaigns.touch)
    messages = Messages(MessageStore(mongo, Seal(secret, "message")))
    tokens = Tokens(secret, options.token_ttl_seconds)

    # Counting and citizens know each other by what they need: numbers issued so far, and what a merge or deletion does to cells.
    async def merge_counts(loser: int, survivor: int, now: float) -> None:
        await amendments.merge(loser, survivor)

    async def flag_deleted(citizen: int, now: float) -> None:
        await amendments.flag_deleted(citizen)

    async def took_part(citizen: int) -> bool:
        return bool(await amendments.flag_deleted(citizen))

    async def forget_session(citizen: int, now: float) -> None:
        await web_login.erase(citizen, now)

    async def forget_posters(citizen: int, now: float) -> None:
        posters.forget(citizen)

    citizens = Citizens(mongo, secret, deletion_list=options.data_dir / "deletions.jsonl", merge_counts=merge_counts,
                        erasers=[flag_deleted, messages.remove_of, forget_posters, forget_session], in_unarchived_campaign=took_part)
    epochs, documents = EpochStore(mongo), ParticipationStore(mongo)
    ledger = Ledger(epochs, documents, Archive(options.data_dir / "archive"), options.owner, clock, metrics)
    keeper = Keeper(epochs, documents, ledger, options.owner, clock, issued_bound=citizens.issued_bound,
                    journal_max_changes=options.journal_max_changes)
    counting = Counting(stores.counting, epochs, keeper, documents, Receipts(secret), campaigns, places, metrics,
                        queue_max_requests=options.queue_max_requests, deadline_seconds=options.request_deadline_seconds,
                        resolve=citizens.resolve, refresh_identities=citizens.refresh)
    amendments = Amendments(counting, documents, epochs, campaigns.running)
    campaigns.on_change = counting.apply

    official_client, miniprogram_client = (Client(account, Transport(options.platform_url, redis, metrics, clock), redis, clock)
                                           for account in (options.official, options.miniprogram))
    web_login = WebLogin(citizens, tokens, redis, secret, base_url=options.base_url, official_appid=options.official.appid,
                         official=official_client, authorize_url=options.authorize_url, miniprogram_appid=options.miniprogram.appid,
                         miniprogram=miniprogram_client, identity=options.identity)
    live = Live(counting.figures, campaigns, places, clock, metrics, max_sockets=options.live_max_sockets)
    short_links = ShortLinks(ShortLinkStore(mongo), options.base_url)
    posters = Posters(campaigns, counting, places, short_links, metrics, assets=options.assets, workers=options.poster_workers,
                      queue=options.poster_queue, name_of=messages.name_of)

    def context(now: float) -> Context:
        return Context(campaigns, citizens, counting, options.base_url, now)

    repeats = Repeats(redis, secret, options.callback_max_age_seconds)
    official = OfficialCallbacks(options.official, repeats, context, official_client, metrics,
                                 max_age_seconds=options.callback_max_age_seconds)
    miniprogram = OfficialCallbacks(options.miniprogram, repeats, context, None, metrics,
                                    max_age_seconds=options.callback_max_age_seconds)
    return Services(
        amendments=amendments, audit=Audit(stores.counting, epochs, documents), campaigns=campaigns, citizens=citizens,
        counting=counting, epochs=epochs, keeper=keeper,
        journals=Journals(counting, epochs, documents, metrics, campaigns.running, max_changes=options.journal_max_changes),
        ledgers=Ledgers(ledger, ledgers_wanted(campaigns, counting, epochs, clock)),
        live=live, messages=messages, metrics=metrics, miniprogram=miniprogram,
        miniprogram_client=miniprogram_client, official=official, official_client=official_client, places=places, posters=posters,
        readiness=Readiness(store_probes(stores)), reconcile=Reconcile(documents), short_links=short_links,
        staff=Staff(StaffStore(mongo)), stores=stores, tokens=tokens,
        verification_texts=VerificationTexts(mongo), visits=Visits(mongo, redis), web_login=web_login)


def ledgers_wanted(campaigns: Campaigns, counting: Counting, epochs: EpochStore,
                   clock: Clock) -> Callable[[], Awaitable[list[tuple[Shard, Campaign]]]]:
    """The shards that need a ledger: those of the current periods, and older ones whose changes MongoDB does not all have."""

    async def wanted() -> list[tuple[Shard, Campaign]]:
        found: dict[str, tuple[Shard, Campaign]] = {}
        for campaign in await campaigns.running():
            shards = await counting.prepare(campaign, clock())
            shards += [counting.period(campaign, d["period"]).handles[d["shard"]].shard
                       for d in await epochs.of_campaign(campaign.slug) if d["ledger_seq"] < d["high_seq"]]
            found |= {shard.id: (shard, campaign) for shard in shards}
        return list(found.values())

    return wanted
