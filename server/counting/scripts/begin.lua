-- Closes a shard for its recovery under a new epoch: every caller of an older epoch is refused from here on.
-- KEYS: meta, journal   ARGV: epoch, birth, force (1 = take over a foreign shard: rebuild by hand)
-- Returns {"OK", had meta (0/1), seq, ordinal, watermark, voids}, {"NEWER"} or {"FOREIGN"}.
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'ordinal', 'watermark', 'voids', 'birth')
local foreign = meta[6] and meta[6] ~= ARGV[2]
if foreign and ARGV[3] ~= '1' then return {'FOREIGN'} end
if meta[1] and tonumber(meta[1]) > tonumber(ARGV[1]) then return {'NEWER'} end
local had = meta[1] and meta[2] and 1 or 0
-- Another product's changes must not become our documents.
if foreign then redis.call('UNLINK', KEYS[2]) end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'state', 'closed', 'birth', ARGV[2],
  'run_id', string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'))
return {'OK', had, tonumber(meta[2] or 0), tonumber(meta[3] or 0), tonumber(meta[4] or 0), tonumber(meta[5] or 0)}
