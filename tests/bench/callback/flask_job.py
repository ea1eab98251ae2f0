"""The same job as wechatpy's own guide would have it, under gunicorn with threads: check, decrypt, match a rule, encrypt the answer.

What it does not have: one effect for repeats, an age limit, replays refused, an answer in time, rules that change while it runs.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from flask import Flask, abort, request
from wechatpy import create_reply, parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException, InvalidSignatureException

account = json.loads(os.environ["PEER_ACCOUNT"])
rules = json.loads(Path(os.environ["PEER_RULES"]).read_text("utf-8"))
equal = {word: rule["replies"][0]["text"] for rule in rules if rule["trigger"]["kind"] == "equal" for word in rule["trigger"]["words"]}
held = [(word, rule["replies"][0]["text"]) for rule in rules if rule["trigger"]["kind"] == "contain" for word in rule["trigger"]["words"]]
expressions = [(re.compile(word), rule["replies"][0]["text"]) for rule in rules if rule["trigger"]["kind"] == "regex"
               for word in rule["trigger"]["words"]]
crypto = WeChatCrypto(account["token"], account["aes_key"], account["appid"])
app = Flask(__name__)


def answer(text: str) -> str:
    if text in equal:
        return equal[text]
    found = next((said for word, said in held if word in text), None)
    return found or next((said for expression, said in expressions if expression.search(text)), "您好")


@app.post("/wechat/official")
def callback() -> str:
    signature, timestamp, nonce = (request.args.get(name, "") for name in ("msg_signature", "timestamp", "nonce"))
    try:
        text = crypto.decrypt_message(request.get_data(), signature, timestamp, nonce)
    except (InvalidSignatureException, InvalidAppIdException):
        abort(403)
    message = parse_message(text)
    encrypted: str = crypto.encrypt_message(create_reply(answer(message.content), message).render(), nonce, timestamp)
    return encrypted
