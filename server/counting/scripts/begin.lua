-- Closes a shard for its recovery under a new epoch: every caller of an older epoch is refused from here on.
-- KEYS: meta, journal   ARGV: epoch, birth, force (1 = take over a foreign shard: rebuild by hand)
-- Returns {"OK", had meta (0/1), seq, ordinal, watermark, voids, moved from}, {"NEWER"} or {"FOREIGN"}.
-- moved from: the run_id of the server that an open shard was opened on, where that is another than this one, and this one has
-- not been restarted since (it ran before that opening, or longer than anybody leaves a shard unasked); else "".
local SETTLED_SECONDS = 60
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'ordinal', 'watermark', 'voids', 'birth', 'run_id', 'state', 'opened_at')
local info = redis.call('INFO', 'server')
local run_id, up = string.match(info, 'run_id:(%x+)'), tonumber(string.match(info, 'uptime_in_seconds:(%d+)'))
local moved_from = ''
if meta[7] and meta[7] ~= run_id and meta[8] ~= 'closed' and meta[9]
  and (up > SETTLED_SECONDS or tonumber(redis.call('TIME')[1]) - up < tonumber(meta[9])) then moved_from = meta[7] end
local foreign = meta[6] and meta[6] ~= ARGV[2]
if foreign and ARGV[3] ~= '1' then return {'FOREIGN'} end
if meta[1] and tonumber(meta[1]) > tonumber(ARGV[1]) then return {'NEWER'} end
local had = meta[1] and meta[2] and 1 or 0
-- Another product's changes must not become our documents.
if foreign then redis.call('UNLINK', KEYS[2]) end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'state', 'closed', 'birth', ARGV[2],
  'run_id', run_id)
return {'OK', had, tonumber(meta[2] or 0), tonumber(meta[3] or 0), tonumber(meta[4] or 0), tonumber(meta[5] or 0), moved_from}
