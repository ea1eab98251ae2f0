"""Every service of one process, and how they are built: plain calls in order, no magic. This is the wiring; read it top-down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.accounts import Accounts, Connected
from server.articles import ArticleReports, Articles, Drafts, DraftStore, MassSend, MassSends, Publication, Publishing, RecordStore
from server.audit import Audit
from server.audit_log import AnchorFile
from server.backups.tail import Tail
from server.ballots import Ballots, BallotStore, BallotWriter, PaperBallots, PaperStore, Tallying, TallyStore
from server.blocks.service import PageBlocks
from server.blocks.wall import WallGlimpse
from server.bulletins import Bulletins, BulletinStore, MilestoneStore, Snapshots, Watch, WatchStore, curve, lately
from server.campaign_templates import CampaignTemplates
from server.campaigns import Campaign, Campaigns, CampaignStore
from server.ceremonies import Ceremonies, CeremonyStore
from server.citizens import Citizens
from server.citizens.outliving import Outliving
from server.claims import Claims
from server.clock import Clock
from server.counting import Amendments, Counting, Rules
from server.counting.epochs import EpochStore
from server.counting.keeper import Keeper
from server.counting.receipts import Receipts
from server.counting.reconcile import Reconcile
from server.counting.shards import Shard, shards_for
from server.duty import DutyLog, DutyStore, Gathering
from server.encrypted_data import EncryptedData
from server.experience import Experiences
from server.followers import FollowerEvents, Followers, FollowerStore
from server.journals import Journals
from server.kiosks import Kiosks, KioskStore
from server.kits import KitMaker, Kits, KitStore
from server.ledger import Archive, Ledger, Ledgers
from server.live import Live
from server.materials import Materials, MaterialStore, Uploads
from server.media import FileStore, Library, Media, MediaFiles, MediaStore, UploadStore, Workshop
from server.media import Uploads as MediaUploads
from server.media.references import CampaignMedia
from server.menus import Menus, MenuStore
from server.messages import Messages, MessageStore
from server.metrics import Metrics
from server.mini_codes import MiniCodes, MiniCodeStore
from server.mini_links import MiniLinks, MiniLinkStore
from server.moderation import MediaChecks, MediaCheckStore, Moderation, OwnWords, Platform, Provider
from server.moderation.verdict import Checker
from server.notices import GrantStore, Notices, NoticeSender, NoticeStore
from server.number_lines import Serials
from server.official import OfficialCallbacks, VerificationTexts
from server.official.repeats import Repeats
from server.participations import ParticipationStore
from server.phones import Phones, PhoneStore
from server.photos import PhotoFiles, Photos, PhotoStore, PictureStore
from server.place_files import PlaceFiles
from server.places import Places, PlaceStore
from server.posters import Posters
from server.posters.pictures import LibraryPictures
from server.probes import LoopWatch, watch
from server.quizzes import Quizzes
from server.quotas import Quotas
from server.reachability import Reachability
from server.readiness import Readiness, store_probes
from server.references import References
from server.releases import Releases, releases_of
from server.replies import REPLIES, Context
from server.reply_rules import ReplyRules
from server.reply_rules.service import ReplyRuleStore
from server.reports import Documents, Exporter, Exports, ExportStore, ReportMaker, Reports, ReportStore
from server.reviewing import PhotoSource, Reviewing, reviewing_of
from server.scene_codes import SceneCodes, SceneCodeStore
from server.schools import GroupReports, GroupReportStore, OwnFigures, Schools, SchoolStore
from server.screens import Screens
from server.seals import Seal
from server.short_links import ShortLinks, ShortLinkStore
from server.spreadsheets.workers import Workers
from server.staff import Members, OwnAccount, Staff, StaffPhones, build_staff
from server.stores import Database, Stores
from server.switches import Switches, SwitchStore
from server.tokens import Tokens
from server.visits import Visits
from server.voids import Voids
from server.wall_maps import WallMaps, WallMapStore
from server.watching import Watched, Watching, watching
from server.web_login import WebLogin
from server.wechat import Account
from server.wechat.client import Client
from server.wechat.signing import Signer
from server.wechat.transport import Transport
from server.words import Words


@dataclass(frozen=True)
class Options:
    """What the composition root takes from the settings, as values."""

    owner: str
    secret_key: bytes
    base_url: str
    base_urls: tuple[str, ...]
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
    moderation_url: str
    moderation_key: str
    review_required: bool
    platform_url: str
    authorize_url: str
    accounts: tuple[Account, ...]
    runbook: Path
    robots: tuple[dict[str, Any], ...] = ()
    robot_authorities: str | None = None
    outbound_proxy: str = ""


@dataclass(frozen=True)
class Services:
    """What handlers, jobs and commands may call."""

    accounts: Accounts
    amendments: Amendments
    # What was published and sent to all, whichever account's.
    article_records: tuple[RecordStore[Publication], RecordStore[MassSend]]
    article_reports: ArticleReports
    audit: Audit
    ballots: Ballots
    bulletins: Bulletins
    campaigns: Campaigns
    ceremonies: Ceremonies
    campaign_templates: CampaignTemplates
    citizens: Citizens
    counting: Counting
    # A campaign's new participants of a day by minute.
    curve: Callable[[Campaign, str, float], Awaitable[dict[int, int]]]
    documents: ParticipationStore
    duty: DutyLog
    duty_gathering: Gathering
    encrypted_data: EncryptedData
    epochs: EpochStore
    experiences: Experiences
    exporter: Exporter
    exports: Exports
    follower_events: FollowerEvents
    group_reports: GroupReports
    journals: Journals
    kit_maker: KitMaker
    kiosks: Kiosks
    kits: Kits
    keeper: Keeper
    ledgers: Ledgers
    live: Live
    loop_watch: LoopWatch
    media: Media
    media_checks: MediaChecks
    messages: Messages
    metrics: Metrics
    moderation: Moderation
    notice_sender: NoticeSender
    notice_store: NoticeStore
    notices: Notices
    phones: Phones
    photo_moderation: Moderation
    photos: Photos
    place_files: PlaceFiles
    page_blocks: PageBlocks
    places: Places
    posters: Posters
    quizzes: Quizzes
    readiness: Readiness
    reconcile: Reconcile
    references: References
    releases: Releases
    reply_context: Callable[[float], Context]
    reply_rules: ReplyRules
    report_maker: ReportMaker
    reports: Reports
    school_figures: OwnFigures
    schools: Schools
    reviewing: Reviewing
    screens: Screens
    short_links: ShortLinks
    staff: Staff
    staff_members: Members
    staff_own: OwnAccount
    staff_phones: StaffPhones
    stores: Stores
    switches: Switches
    serials: Serials
    tail: Tail
    tokens: Tokens
    verification_texts: VerificationTexts
    visits: Visits
    voids: Voids
    watching: Watching
    watch: Watch
    wall_maps: WallMaps
    web_login: WebLogin
    words: Words

    async def close(self) -> None:
        """Hand over and answer what was accepted; the stores stay open until after this."""
        for service in (self.watching, self.bulletins, self.media, self.moderation, self.photo_moderation, self.ballots, self.quizzes,
                        self.experiences,
                        self.ledgers, self.counting, self.posters, self.citizens, self.accounts):
            await service.close()


def build(stores: Stores, options: Options, clock: Clock) -> Services:
    """Make every service. Nothing is started and nothing is asked of a store yet."""
    mongo, redis, secret = stores.mongo, stores.redis, options.secret_key
    metrics = Metrics()

    async def default_shards() -> int:
        return options.shards or await shards_for(stores.counting)

    campaigns = Campaigns(CampaignStore(mongo), default_shards=default_shards, is_public=options.is_public, simulated=options.simulated)
    places = Places(PlaceStore(mongo), campaigns.touch)
    words = Words(mongo)
    # Links that are made from now on lead to the host that operators chose.
    switches = Switches(SwitchStore(mongo), options.base_urls)
    message_store = MessageStore(mongo, Seal(secret, "message"))

    async def record(who: str, action: str, subject: str, detail: dict[str, Any], now: float) -> None:
        await staff.audit_log.record(who, "", action, subject, detail, now)

    async def identities_of(citizen: int) -> list[tuple[str, str]]:
        return await citizens.identities_of(citizen)

    async def hashes_of(citizen: int) -> list[str]:
        return await citizens.hashes_of(citizen)

    reviewing = reviewing_of(stores, message_store, words, record, secret_key=secret, identities_of=identities_of, hashes_of=hashes_of,
                             metrics=metrics)
    messages = reviewing.messages
    tokens = Tokens(secret, options.token_ttl_seconds)

    # Counting and citizens know each other by what they need: numbers issued so far, and what a merge or deletion does to cells.
    async def merge_counts(loser: int, survivor: int, now: float) -> None:
        await follower_store.merge(loser, survivor)
        await amendments.merge(loser, survivor)
        await phone_store.merge(loser, survivor)
        await reviewing.merge(loser, survivor)
        await ballots.merge(loser, survivor, now)
        await photos.merge(loser, survivor)
        await notice_store.merge(loser, survivor, now)
        await grant_store.merge(loser, survivor)
        await staff_phones.merge(loser, survivor)
        await schools.merge(loser, survivor)

    async def took_part(citizen: int) -> bool:
        return bool(await amendments.flag_deleted(citizen))

    notice_store, grant_store, follower_store = NoticeStore(mongo), GrantStore(mongo), FollowerStore(mongo)
    phone_store = PhoneStore(mongo, Seal(secret, "phone number"))

    citizens = Citizens(mongo, secret, deletion_list=options.data_dir / "deletions.jsonl", merge_counts=merge_counts,
                        in_unarchived_campaign=took_part)
    staff, staff_members, staff_own, staff_phones = build_staff(
        mongo, secret, base_url=switches.base_url, is_public=options.is_public, resolve=citizens.resolve,
        anchor=AnchorFile(options.data_dir / "audit-log.anchor"))
    epochs, documents = EpochStore(mongo), ParticipationStore(mongo, stores.mongo_batches)
    archive = Archive(options.data_dir / "archive")
    ledger = Ledger(epochs, documents, archive, options.owner, clock, metrics)
    serials = serials_of(mongo)
    tail = Tail(archive, CampaignStore(mongo), Outliving(mongo, secret, options.data_dir / "deletions.jsonl"), epochs, documents,
                serials, staff.audit_log.after)
    keeper = Keeper(epochs, documents, ledger, options.owner, clock, issued_bound=citizens.issued_bound,
                    journal_max_changes=options.journal_max_changes)
    counting = Counting(stores.counting, epochs, keeper, documents, Rules(Receipts(secret), metrics, citizens.resolve), campaigns,
                        places, metrics, queue_max_requests=options.queue_max_requests,
                        deadline_seconds=options.request_deadline_seconds, refresh_identities=citizens.refresh)
    amendments = Amendments(counting, documents, epochs, campaigns.running)
    campaigns.on_change = counting.apply

    def client_of(account: Account) -> Client:
        transport = Transport(options.platform_url, redis, metrics, clock, signer=signer_of(account), proxy=options.outbound_proxy)
        return Client(account, transport, redis, clock)

    clients = {account.appid: client_of(account) for account in options.accounts}
    first = {account.role: clients[account.appid] for account in reversed(options.accounts)}
    web_login = WebLogin(citizens, tokens, redis, secret, base_url=options.base_url, base_urls=options.base_urls,
                         authorize_url=options.authorize_url,
                         official=first.get("official"), miniprogram=first.get("miniprogram"),
                         web=first.get("official") if options.identity == "official" else clients.get(options.identity))
    group_reports = GroupReports(GroupReportStore(mongo), metrics)
    schools = Schools(SchoolStore(mongo), places, redis, secret, switches.base_url, metrics)
    live = Live(counting.figures, campaigns, places, clock, metrics, max_sockets=options.live_max_sockets,
                group_reported=group_reports.figures.of, switches_of=switches.public)
    short_links = ShortLinks(ShortLinkStore(mongo), switches.base_url)
    posters = Posters(campaigns, counting, places, short_links, metrics, assets=options.assets, workers=options.poster_workers,
                      queue=options.poster_queue, name_of=messages.name_of)

    reply_rules = ReplyRules(ReplyRuleStore(mongo), frozenset(REPLIES))

    visits = Visits(mongo, redis)
    notices = Notices(notice_store, grant_store, citizens.identify, citizens.numbers_of, switches.base_url)
    phones = Phones(phone_store, citizens, redis, first.get("miniprogram"))

    follower_events, follower_seal = FollowerEvents(follower_store, citizens, metrics), Seal(secret, "follower at rest")

    publications, mass_sends = RecordStore(mongo, "publications", Publication), RecordStore(mongo, "mass_sends", MassSend)
    workshop = Workshop(options.data_dir / "media")
    article_reports, uploads = ArticleReports(publications, mass_sends), Uploads(options.data_dir / "uploads")

    def context(now: float) -> Context:
        return Context(campaigns, citizens, counting, reply_rules, notices, visits, follower_events, media_checks, article_reports,
                       phones, switches.base_url(), now)

    mini_programs = {account.appid: clients[account.appid] for account in options.accounts if account.role == "miniprogram"}
    media_checks = MediaChecks(MediaCheckStore(mongo), mini_programs, citizens.openid_of, metrics)
    checkers: list[Checker] = [OwnWords(words)]
    if mini_programs:
        checkers.append(Platform(tuple(mini_programs.values()), citizens.openid_of))
    if options.moderation_url:
        checkers.append(Provider(options.moderation_url, options.moderation_key, clock, proxy=options.outbound_proxy))

    ballot_store, photo_store = BallotStore(mongo, stores.mongo_batches, Seal(secret, "ballot")), PhotoStore(mongo, Seal(secret, "photo"))
    ballots = Ballots(ballot_store, BallotWriter(ballot_store, metrics, clock),
                      Tallying(TallyStore(mongo), ballot_store, Claims(mongo), campaigns.running), PaperBallots(PaperStore(mongo)),
                      campaigns, counting.participate, citizens.numbers_of)
    photo_files = PhotoFiles(PictureStore(mongo, Seal(secret, "photo")), photo_store, Workshop(options.data_dir / "photos"))
    photos = Photos(photo_store, photo_files, words, media_checks, redis, secret, campaigns, counting.participate, citizens.numbers_of,
                    appids=tuple(mini_programs), base_url=options.base_url)
    media_checks.on_verdict = photos.learn
    photo_source = PhotoSource(photo_store, photo_files, mongo)
    reviewing.sources.add(photo_source)
    photos.guard, photos.forget_beside = reviewing.writers, photo_source.forget

    workers, counted = Workers(options.data_dir / "spreadsheets"), Documents(epochs, documents)
    report_store, export_store = ReportStore(mongo), ExportStore(mongo)
    reports = Reports(report_store, workers, places, counting.figures)

    repeats = Repeats(stores.counting, secret, options.callback_max_age_seconds)

    def connected(account: Account) -> Connected:
        client = clients[account.appid]
        materials = Materials(MaterialStore(mongo), client, uploads, workshop.open)
        drafts = Drafts(DraftStore(mongo), client, materials)
        return Connected(
            account, client, OfficialCallbacks(account, repeats, context, client, metrics,
                                               max_age_seconds=options.callback_max_age_seconds),
            followers=Followers(follower_store, client, citizens, follower_seal, metrics),
            materials=materials, articles=Articles(drafts, Publishing(publications, drafts, client),
                                                   MassSends(mass_sends, drafts, client, citizens.openid_of)),
            menus=Menus(MenuStore(mongo), client), scene_codes=SceneCodes(SceneCodeStore(mongo), client),
            mini_codes=MiniCodes(MiniCodeStore(mongo), client), mini_links=MiniLinks(MiniLinkStore(mongo), client),
            quotas=Quotas(client, account.role), reachability=Reachability(client))

    media_store, media_files = MediaStore(mongo), MediaFiles(FileStore(mongo))
    library = Library(media_store, media_files)
    campaigns.media = CampaignMedia(library, clock)
    page_blocks = PageBlocks(library, WallGlimpse(reviewing.wall), skins=options.assets / "skins", built=options.assets / "h5")
    posters.pictures = LibraryPictures(library, media_files)
    media = Media(media_store, library, MediaUploads(UploadStore(mongo)), media_files, workshop, metrics)

    releases = releases_of(stores, campaigns, places, record, base_url=switches.base_url, is_public=options.is_public,
                           required=options.review_required, landscapes=posters.landscapes, page_blocks=page_blocks, library=library,
                           poster_templates=frozenset(path.stem for path in (options.assets / "posters").glob("*.json")))
    kit_store = KitStore(mongo)
    experiences = Experiences(mongo, places, metrics)
    kits = Kits(kit_store, places, releases.wording, short_links)
    releases.moves.also += [kits.remove, short_links.remove_places, switches.remove, experiences.remove]

    ceremonies, wall_maps = Ceremonies(CeremonyStore(mongo), campaigns), WallMaps(WallMapStore(mongo))
    watch_store = WatchStore(mongo)
    screens = Screens(watch_store.minutes, counting.figures, live, campaigns, places, ceremonies, wall_maps, simulated=options.simulated,
                      switches=lambda slug: {**switches.public(slug), "ranking": switches.of(slug).is_on("ranking")})
    kiosks = Kiosks(KioskStore(mongo), switches.base_url)
    releases.moves.also.append(kiosks.remove)

    async def flag_deleted(citizen: int, now: float) -> None:
        await amendments.flag_deleted(citizen)

    async def forget_posters(citizen: int, now: float) -> None:
        posters.forget(citizen)

    # First the count, so that nothing more is counted for her.
    citizens.erase_also(flag_deleted, reviewing.remove_of, forget_posters, web_login.erase, phone_store.remove, notices.remove_of,
                        media_checks.remove_of, follower_store.remove_of, staff_phones.forget, ballots.forget, photos.remove_of,
                        schools.forget)
    citizens.forget_also(reviewing.forget, schools.forget_number)

    accounts, readiness = Accounts(map(connected, options.accounts)), Readiness(store_probes(stores))
    watched = Watched(stores, metrics, readiness, counting, campaigns.running, epochs, documents, accounts, notices)
    watcher = watching(watched, owner=options.owner, clock=clock, base_url=options.base_url, runbook=options.runbook, robots=options.robots,
                       max_changes=options.journal_max_changes, live_max_sockets=options.live_max_sockets,
                       poster_queue=options.poster_queue, authorities=options.robot_authorities, proxy=options.outbound_proxy)

    duty = DutyLog(DutyStore(mongo), staff.store.all)
    snapshots = Snapshots(counting.figures, epochs.of_campaign, places, group_reports.figures.of)
    bulletin_store, milestone_store = BulletinStore(mongo), MilestoneStore(mongo)
    bulletins = Bulletins(bulletin_store, milestone_store, snapshots, campaigns,
                          Workers(options.data_dir / "bulletins", module="server.bulletins.worker"), duty.note, metrics,
                          assets=str(options.assets), peak_of=watch_store.peak, tell=watcher.robots.tell if watcher.robots.all else None)

    async def curve_of(campaign: Campaign, day: str, now: float) -> dict[int, int]:
        return await curve(watch_store, snapshots, campaign, day, now)

    watch(metrics, counting, ledger, posters, accounts, clock)
    return Services(
        accounts=accounts, amendments=amendments, article_reports=article_reports,
        article_records=(publications, mass_sends), documents=documents, notice_store=notice_store,
        audit=Audit(stores.counting, epochs, documents), ballots=ballots, bulletins=bulletins, campaigns=campaigns, citizens=citizens,
        campaign_templates=CampaignTemplates(options.assets / "seeds" / "templates"), counting=counting,
        curve=curve_of, duty=duty,
        duty_gathering=Gathering(DutyStore(mongo), staff.audit_log.after, staff.audit_log.newest, campaigns.all),
        encrypted_data=EncryptedData(web_login, citizens, redis, first.get("miniprogram")),
        epochs=epochs, experiences=experiences, exports=Exports(export_store, places),
        exporter=Exporter(export_store, counted, campaigns, places, workers, metrics, clock),
        follower_events=follower_events, keeper=keeper,
        journals=Journals(counting, epochs, documents, metrics, campaigns.running, max_changes=options.journal_max_changes),
        ledgers=Ledgers(ledger, ledgers_wanted(campaigns, counting, epochs, clock)),
        live=live, loop_watch=LoopWatch(metrics), media=media, media_checks=media_checks, messages=messages, metrics=metrics,
        moderation=Moderation(message_store, checkers, metrics, clock), notices=notices,
        notice_sender=NoticeSender(notice_store, grant_store, clients, citizens.openid_of, citizens.numbers_of, metrics, clock),
        phones=phones, photo_moderation=Moderation(photo_store, checkers, metrics, clock), photos=photos, page_blocks=page_blocks,
        places=places, place_files=PlaceFiles(places, workers), posters=posters,
        quizzes=Quizzes(mongo, redis, counting),
        readiness=readiness, reconcile=Reconcile(documents),
        references=References(accounts, reply_rules), reply_context=context, reply_rules=reply_rules,
        releases=releases, kits=kits, reviewing=reviewing,
        kit_maker=KitMaker(kit_store, kits, campaigns, places, short_links,
                           Workers(options.data_dir / "kits", module="server.kits.worker", in_step=True), options.assets, clock),
        report_maker=ReportMaker(report_store, counted, campaigns, places, visits, group_reports, metrics, clock),
        reports=reports, school_figures=OwnFigures(group_reports, reports, counting.figures, workers), schools=schools,
        short_links=short_links, group_reports=group_reports,
        staff=staff, staff_members=staff_members, staff_own=staff_own, staff_phones=staff_phones, stores=stores,
        switches=switches, serials=serials, tail=tail,
        tokens=tokens,
        verification_texts=VerificationTexts(mongo), visits=visits, voids=Voids(amendments, ballots),
        watch=Watch(watch_store, milestone_store, bulletin_store,
                    Snapshots(counting.figures, lately(epochs.of_campaign), places, group_reports.figures.of), campaigns.all, duty.note,
                    lambda: bulletins.tell is not None),
        watching=watcher, web_login=web_login, words=words,
        ceremonies=ceremonies, kiosks=kiosks, screens=screens, wall_maps=wall_maps)


def serials_of(mongo: Database) -> Serials:
    """The numbers that are printed: of reports, and of bulletins."""
    return Serials({name: mongo[name] for name in ("report_numbers", "bulletin_numbers")})


def signer_of(account: Account) -> Signer | None:
    """What signs an account's calls, where it has keys for that. Raises SigningKeysWrong."""
    return Signer(account.appid, account.api_keys) if account.api_keys else None


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
