"""Callbacks of WeChat, ours beside Flask with wechatpy: `make bench-callback`."""
