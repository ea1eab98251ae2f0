-- Tells a shard how far MongoDB has its changes, and drops the journal up to there.
-- KEYS: meta, journal   ARGV: fence, seq, entry id to keep from
-- Returns {"OK", watermark} or {"FENCED", fence} when a younger owner has the journal.
local meta = redis.call('HMGET', KEYS[1], 'fence', 'watermark', 'seq')
if not meta[3] then return {'OK', 0} end
local fence = tonumber(meta[1] or 0)
if fence > tonumber(ARGV[1]) then return {'FENCED', fence} end
local watermark = math.max(tonumber(meta[2] or 0), math.min(tonumber(ARGV[2]), tonumber(meta[3])))
-- The journal goes first: a server out of memory lets a script begin by freeing some, and refuses one that begins with HSET.
redis.call('XTRIM', KEYS[2], 'MINID', ARGV[3])
redis.call('HSET', KEYS[1], 'fence', ARGV[1], 'watermark', watermark)
return {'OK', watermark}
