"""How far a publication or a mass send is, in words: each state has some, and what it is now stands before what the platform once said."""

from __future__ import annotations

from typing import get_args

import pytest

from server.articles.article import MassSend, Publication, State, mass_words, publish_words

PUBLISHING = ("submitting", "publishing", "taken_back", "failed", "refused", "uncertain")
SENDING = ("sending", "accepted", "sent", "deleted", "failed", "refused", "uncertain")


def publication(state, status=-1):
    return Publication("wx1", "m", "标题", "bianji", 0.0, state, status=status, errcode=45009)


def mass_send(state, status=""):
    return MassSend("wx1", "m", "标题", "bianji", 0.0, state, status=status, errcode=48001)


def test_both_lists_are_all_the_states_that_there_are():
    assert {*PUBLISHING, *SENDING, "published"} == set(get_args(State))


@pytest.mark.parametrize("state", PUBLISHING)
def test_each_state_of_a_publication_has_words(state):
    assert publish_words(publication(state, 3 if state == "failed" else -1))


@pytest.mark.parametrize("state", SENDING)
def test_each_state_of_a_mass_send_has_words(state):
    assert mass_words(mass_send(state, {"sent": "sendsuccess", "failed": "sendfail"}.get(state, "")))


def test_one_that_was_deleted_does_not_say_that_it_was_sent():
    assert "已删除" in mass_words(mass_send("deleted", "sendsuccess")) and mass_words(mass_send("sent", "sendsuccess")) == "群发成功"


def test_one_that_the_platform_refused_says_why():
    assert "48001" in mass_words(mass_send("refused")) and "45009" in publish_words(publication("refused"))
