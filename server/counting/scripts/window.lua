-- Changes state and window of an open shard; a closed, missing or other-epoch shard is left alone.
-- KEYS: meta   ARGV: epoch, state, opens, closes
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'state')
if not meta[1] or meta[1] ~= ARGV[1] or meta[2] == 'closed' then return 'NOT_READY' end
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'opens', ARGV[3], 'closes', ARGV[4])
return 'OK'
