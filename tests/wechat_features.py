"""What a WeChat backend is expected to do, row by row, and the test that drives ours: `python -m tests.wechat_features` prints it.

A row without a test is not there yet; test_wechat_features.py keeps the others true.
"""

from __future__ import annotations

KINDS = "tests/server/official/test_kinds.py::TestKinds::test_what_it_says_is_understood_in_every_mode_and_form"
NOTICES = "tests/server/notices/test_notices.py"
VALUES, TRANSPORT = "tests/server/wechat/test_values.py", "tests/server/wechat/test_transport.py"
CALLBACKS = "tests/server/official/test_callbacks.py"
AUTH = "tests/handlers/test_auth.py"

FEATURES: dict[str, str] = {
    "messages: text, image, voice, video, shortvideo, location, link": KINDS,
    "a mini-program's card sent to customer service": KINDS,
    "events: follow (also by a scene), leave, scan, tap, page, location": KINDS,
    "menu events: scans, pictures, chosen location, mini-program": KINDS,
    "TEMPLATESENDJOBFINISH": f"{NOTICES}::TestGrants::test_what_became_of_it_is_learnt",
    "MASSSENDJOBFINISH": KINDS,
    "PUBLISHJOBFINISH": KINDS,
    "subscribe_msg popup, change and sent": f"{NOTICES}::TestGrants::test_what_she_answers_and_takes_back_is_learnt",
    "wxa_media_check of version 2": KINDS,
    "user_enter_tempsession": KINDS,
    "user_authorization_revoke, user_authorization_cancellation, user_info_modified": KINDS,
    "plain, compatible and safe mode": "tests/server/official/test_door.py::TestModes::test_a_message_gets_its_reply_in_the_way_it_came",
    "no downgrade to plain in safe mode":
        "tests/server/official/test_door.py::TestModes::test_in_safe_mode_a_plain_message_is_refused_whatever_the_query_says",
    "JSON pushes, also encrypted": KINDS,
    "repeats have one effect, also at once": f"{CALLBACKS}::TestRepeats::test_three_at_once_have_one_effect_and_one_answer",
    "an answer within 5 s, or later by message": f"{CALLBACKS}::TestInTime::test_a_slow_answer_is_success_now_and_a_message_later",
    "one access_token for all processes": f"{VALUES}::TestSharing::test_sixteen_processes_at_once_fetch_one_token",
    "a lock between processes": f"{VALUES}::TestSharing::test_a_process_that_died_with_the_lock_stops_nobody_for_long",
    "stable_token": f"{VALUES}::TestSharing::test_it_asks_for_the_stable_token_in_normal_mode",
    "jsapi_ticket and the JS-SDK's signature": f"{AUTH}::TestJsSdk::test_it_works_and_ignores_what_follows_the_hash",
    "web login, base and userinfo": f"{AUTH}::TestWeb::test_user_info_is_asked_for_only_when_wanted",
    "menus, also for some": "tests/server/test_menus.py::TestPublishing::test_what_is_published_is_what_the_platform_holds",
    "materials, temporary and permanent": "tests/server/materials/test_materials.py::TestEachKind::test_a_permanent_one_is_kept_by_both",
    "drafts and publishing":
        "tests/server/articles/test_publishing.py::TestPublishing::test_a_draft_becomes_a_page_when_the_event_says_so",
    "mass send":
        "tests/server/articles/test_mass_sends.py::TestOnce::test_a_process_that_is_killed_while_it_asks_leaves_it_sent_once",
    "template messages with client_msg_id":
        f"{NOTICES}::TestKills::test_one_that_was_on_its_way_at_a_kill_is_sent_again_only_while_the_platform_knows_repeats",
    "subscription notices of the official account": f"{NOTICES}::TestGrants::test_one_acceptance_is_one_notice",
    "subscription notices of the mini-program": f"{NOTICES}::TestGrants::test_one_acceptance_is_one_notice",
    "QR codes of scenes": "tests/handlers/test_codes.py::TestScenes::test_a_scene_has_one_code_whose_picture_says_its_address",
    "tags, blacklist, users, changed openids": "tests/server/followers/test_moves.py::test_everybody_keeps_her_number_under_her_new_openid",
    "customer-service messages": "tests/server/wechat/test_client.py::TestLaterAnswers::test_a_card_goes_as_news",
    "code2Session": f"{AUTH}::TestMiniProgram::test_it_works_and_is_the_same_person_as_on_the_web",
    "phone number by code": "tests/server/test_phones.py::TestTaking::test_the_number_of_the_code_is_kept_sealed_with_its_purpose",
    "unlimited codes of the mini-program":
        "tests/handlers/test_miniprogram.py::TestCodes::test_from_the_desk_to_the_poster_to_the_page_and_its_figures",
    "msg_sec_check of version 2":
        "tests/server/moderation/test_moderation.py::TestVerdicts::test_the_worst_that_was_said_counts_and_the_first_that_blocks_ends_it",
    "media_check_async of version 2":
        "tests/server/moderation/test_media_checks.py::test_through_the_whole_product_the_signed_event_has_one_effect",
    "URL link, scheme": "tests/server/test_mini_links.py::TestMaking::test_it_is_made_and_kept_with_its_end_and_who_asked",
    "clear_quota by hand, quota view":
        "tests/server/test_quotas.py::TestClear::test_every_count_begins_anew_and_every_process_may_call_again",
    "callback check, addresses of the platform":
        "tests/server/test_quotas.py::TestReachability::test_the_platform_looks_up_and_pings_our_address",
    "signed API requests": "tests/server/wechat/test_signing.py::TestWire::test_a_signed_call_is_taken_and_its_answer_read",
    "a rejected token is renewed once": f"{VALUES}::TestRejectedTokens::test_it_is_not_repeated_twice",
    "-1 is tried again within bounds": f"{TRANSPORT}::TestRetries::test_after_three_tries_it_is_over",
    "spent quotas and rate limits are their own errors":
        f"{TRANSPORT}::TestQuota::test_a_spent_quota_shuts_the_endpoint_for_every_process_until_midnight",
}


def report() -> str:
    """A line a row, and how many have a test."""
    lines = [f"{'+' if test else '-'} {feature:<66}{test.rpartition('::')[2] or 'not there yet'}" for feature, test in FEATURES.items()]
    return "\n".join([*lines, "", f"{sum(map(bool, FEATURES.values()))} of {len(FEATURES)} rows are driven by a test"])


if __name__ == "__main__":
    print(report())
