-- Drops cells and totals of a shard that is closed for its recovery, so that documents fill it anew.
-- KEYS: meta, key to drop...   ARGV: epoch
-- Returns how many keys were there, or -1 when the shard is not closed under this epoch: a recoverer that stalled touches nothing.
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'state')
if meta[1] ~= ARGV[1] or meta[2] ~= 'closed' then return -1 end
-- Whoever goes on after a kill must not take the empty array for all that was given.
redis.call('HSET', KEYS[1], 'seq', 0)
local there = 0
for i = 2, #KEYS do there = there + redis.call('UNLINK', KEYS[i]) end
return there
