"""What this aggregate refuses."""

from __future__ import annotations

from server.errors import Unavailable


class IdentityUnavailable(Unavailable):
    """A first sight needs MongoDB (and WeChat); who has a token already is not concerned. Nothing was decided: try again."""

    code = "IDENTITY_UNAVAILABLE"
    message = "暂时无法确认身份，请稍候再试，您的参与会保存在本机"
