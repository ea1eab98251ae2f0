"""The product: rules, counting, stores and the WeChat client. Knows no HTTP handler."""
