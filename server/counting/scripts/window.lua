-- Changes state and window of an open shard; a closed, missing or other-epoch shard is left alone.
-- What a younger revision of the campaign said stays: whoever comes late with an older one changes nothing.
-- KEYS: meta   ARGV: epoch, state, opens, closes, rev
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'state', 'rev')
if not meta[1] or meta[1] ~= ARGV[1] or meta[2] == 'closed' then return 'NOT_READY' end
if tonumber(meta[3] or '0') > tonumber(ARGV[5]) then return 'OK' end
redis.call('HSET', KEYS[1], 'state', ARGV[2], 'opens', ARGV[3], 'closes', ARGV[4], 'rev', ARGV[5])
return 'OK'
