-- Closes a shard for its recovery under a new epoch: every caller of an older epoch is refused from here on.
-- KEYS: meta   ARGV: epoch
-- Returns {"OK", had meta (0/1), seq, ordinal, watermark, voids} or {"NEWER", epoch}.
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'ordinal', 'watermark', 'voids')
if meta[1] and tonumber(meta[1]) > tonumber(ARGV[1]) then return {'NEWER', tonumber(meta[1])} end
local had = meta[1] and meta[2] and 1 or 0
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'state', 'closed')
return {'OK', had, tonumber(meta[2] or 0), tonumber(meta[3] or 0), tonumber(meta[4] or 0), tonumber(meta[5] or 0)}
