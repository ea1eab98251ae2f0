-- Opens a shard under an epoch: a fresh one, or the one that was closed under this epoch and filled on this server.
-- KEYS: meta   ARGV: epoch, fresh (1 = refuse when anything is there), field, value, ...
-- Returns "OK", "FOREIGN" (something is there that MongoDB does not know), "NEWER" (another epoch took over) or
-- "LOST" (the server was emptied or replaced since it was closed, so nobody knows what it holds).
local epoch, run_id = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'run_id'))
local server = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if ARGV[2] == '1' then
  if epoch then return 'FOREIGN' end
else
  if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return 'NEWER' end
  if epoch ~= ARGV[1] or run_id ~= server then return 'LOST' end
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'run_id', server, 'opened_at', redis.call('TIME')[1])
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 'OK'
