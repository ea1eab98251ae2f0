"""Management of the API: quotas, clears, refused requests, the check of the callback address, the platform's addresses, templates kept.

Owns: these paths, their parameters and answers. Does not own: counting (usage.py).
Invariant: each answers only for the account whose token, or secret, was given.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from server.sandbox import tokens, usage
from server.sandbox.accounts import TEMPLATE
from server.sandbox.endpoints import Base, Endpoint
from server.sandbox.errcodes import WeChatRefusal

OK: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}
OPERATORS = ("CHINANET", "UNICOM", "CAP", "DEFAULT")
# Of the blocks that are set aside for documents: nobody's.
API_ADDRESSES, CALLBACK_ADDRESSES = ["203.0.113.10", "203.0.113.11"], ["198.51.100.0/25", "198.51.100.200"]


class QuotaGet(Endpoint):
    def posted(self) -> dict[str, Any]:
        account, path = self.account(), str(self.body().get("cgi_path", ""))
        if path.startswith("/sns/"):
            raise WeChatRefusal(76022)
        if not path.startswith("/") or not path[1:]:
            raise WeChatRefusal(76021)
        return OK | {"quota": usage.quota(self.platform, account, path), "rate_limit": {"call_count": 4200, "refresh_second": 60}}


class QuotaClear(Endpoint):
    def posted(self) -> dict[str, Any]:
        account = self.account()
        if self.body().get("appid") != account.appid:
            raise WeChatRefusal(40013)
        usage.clear(self.platform, account)
        return OK


class QuotaClearBySecret(Endpoint):
    def posted(self) -> dict[str, Any]:
        body = self.body()
        usage.clear(self.platform, tokens.account_of(self.platform, str(body.get("appid") or ""), str(body.get("appsecret") or "")))
        return OK


class RidGet(Endpoint):
    def posted(self) -> dict[str, Any]:
        account = self.account()
        return OK | {"request": usage.remembered(self.platform, account, str(self.body().get("rid", "")))}


class CallbackCheck(Endpoint):
    def posted(self) -> dict[str, Any]:
        self.account()
        body = self.body()
        action, operator = body.get("action"), body.get("check_operator")
        if action not in ("dns", "ping", "all"):
            raise WeChatRefusal(40202)
        if operator not in OPERATORS:
            raise WeChatRefusal(40203)
        if not self.platform.callback:
            raise WeChatRefusal(40201)
        host = self.platform.callback_addresses
        addresses = [urlsplit(self.platform.callback).hostname or ""] if host is None else host
        loss, operator = ("100%" if self.platform.pings_lost else "0%"), "CAP" if operator == "DEFAULT" else operator
        found = {"dns": [{"ip": address, "real_operator": "CAP"} for address in addresses],
                 "ping": [{"ip": address, "from_operator": operator, "package_loss": loss, "time": "23.079ms"} for address in addresses]}
        return {name: found[name] for name in found if action in (name, "all")}


class ApiAddresses(Endpoint):
    def asked(self) -> dict[str, Any]:
        self.account()
        return {"ip_list": API_ADDRESSES}


class CallbackAddresses(Endpoint):
    def asked(self) -> dict[str, Any]:
        self.account()
        return {"ip_list": CALLBACK_ADDRESSES}


class Templates(Endpoint):
    def asked(self) -> dict[str, Any]:
        return {"template_list": list(self.account(TEMPLATE).templates)}


ROUTES: list[tuple[str, type[Base]]] = [
    (r"/cgi-bin/openapi/quota/get", QuotaGet),
    (r"/cgi-bin/clear_quota", QuotaClear),
    (r"/cgi-bin/clear_quota/v2", QuotaClearBySecret),
    (r"/cgi-bin/openapi/rid/get", RidGet),
    (r"/cgi-bin/callback/check", CallbackCheck),
    (r"/cgi-bin/get_api_domain_ip", ApiAddresses),
    (r"/cgi-bin/getcallbackip", CallbackAddresses),
    (r"/cgi-bin/template/get_all_private_template", Templates),
]
