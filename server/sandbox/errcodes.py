"""The platform's error codes that the sandbox gives, with their English texts."""

from __future__ import annotations

import secrets

TEXTS = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40004: "invalid media type",
    40005: "invalid file type",
    40006: "invalid meida size",
    40007: "invalid media_id",
    40008: "invalid message type",
    40009: "invalid image size",
    40013: "invalid appid",
    40014: "invalid access_token",
    40016: "invalid button size",
    40029: "invalid code",
    40032: "invalid openid list size",
    40033: "invalid charset. please check your request, if include \\uxxxx will create fail!",
    40037: "invalid template_id",
    40066: "invalid url",
    40097: "invalid args",
    40125: "invalid appsecret, view more at http://t.cn/RAEkdVq",
    40129: "invalid scene",
    40163: "code been used",
    40164: "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist",
    40165: "invalid weapp pagepath",
    40169: "invalid length for scene, or the data is not json string",
    40200: "invalid account type",
    40212: "invalid query",
    40225: "invalid page title",
    40201: "invalid url",
    40202: "invalid action",
    40203: "invalid check_operator",
    40226: "code blocked",
    40230: "missing wechatmp-serial",
    40231: "missing wechatmp-timestamp",
    40232: "missing wechatmp-signature",
    40233: "missing wechatmp-appid",
    40234: "invalid signature",
    40235: "invalid encrypt",
    40237: "wechatmp-appid does not match",
    40238: "no symmetric key",
    40239: "no asymmetric key",
    40240: "expired wechatmp-timestamp",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41005: "media data missing",
    41009: "missing openid",
    41030: "invalid page",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    43004: "require subscribe",
    43101: "user refuse to accept the msg",
    44002: "empty post data",
    44004: "empty content",
    45001: "media size out of limit",
    45002: "content size out of limit",
    45003: "title size out of limit",
    45004: "description size out of limit",
    45008: "article size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit  mustslower  retry next minute",
    45015: "response out of time limit or subscription is canceled",
    45028: "has no masssend quota",
    45047: "out of response count limit",
    45066: "same clientmsgid retry too fast",
    45067: "clientmsgid size out of limit",
    45110: "author size out of limit",
    45056: "too many tag now, no need to add new",
    45057: "can't delete the tag that has too many fans",
    45058: "can't modify sys tag",
    45059: "can not tag this user too much",
    45072: "invalid command",
    45080: "need sending message to user, or recving message from user in the last 30 seconds before typing",
    45081: "already typing",
    45157: "invalid tag name",
    45158: "invalid tag name size",
    45159: "invalid tag id",
    46003: "menu no exist",
    47001: "data format error",
    48001: "api unauthorized",
    53600: "article id is invalid",
    49003: "not match openid with appid",
    63178: "appid wrong",
    63182: "openid_list empty",
    63183: "appid error",
    61010: "user access record timeout",
    48006: "forbid to clear quota because of reaching the limit",
    76001: "rid not found",
    76002: "rid is error",
    76003: "could not query this rid,no permission",
    76021: "cgi_path not found, please check",
    76022: "could not use this cgi_path,no permission",
    85401: "invalid expire_time",
    85402: "invalid expire_interval",
    87007: "session_key is not existed or expired",
    87008: "invalid sig_method",
    87009: "invalid signature",
}


class WeChatRefusal(Exception):
    """An answer with an errcode. WeChat sends it with HTTP 200."""

    def __init__(self, errcode: int, text: str | None = None) -> None:
        self.errcode = errcode
        self.text = text or TEXTS.get(errcode, "error")
        super().__init__(f"{errcode} {self.text}")

    def body(self) -> dict[str, object]:
        return {"errcode": self.errcode, "errmsg": f"{self.text} rid: {rid()}"}


def rid() -> str:
    """The request name that WeChat puts at the end of an error text."""
    raw = secrets.token_hex(12)
    return f"{raw[:8]}-{raw[8:16]}-{raw[16:]}"
