-- Opens a shard under an epoch, or changes the state and window of an open one.
-- KEYS: meta   ARGV: epoch, fresh (1 = refuse when anything is there), field, value, ...
-- Returns "OK", "FOREIGN" (something is there that MongoDB does not know) or "NEWER" (another epoch took over).
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if ARGV[2] == '1' and epoch then return 'FOREIGN' end
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return 'NEWER' end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'run_id', string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'))
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 'OK'
