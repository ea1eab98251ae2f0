-- Every figure of a shard in one moment, so that its parts agree. Reads only.
-- KEYS: meta, totals, minutes, units, journal   ARGV: minutes wanted, units wanted (0/1), clock ("" = TIME)
-- Returns {meta fields, totals as name/value pairs, minutes as pairs, units as pairs, journal entries, run_id, now}.
local now = tonumber(ARGV[3]) or tonumber(redis.call('TIME')[1])
local wanted, minutes = tonumber(ARGV[1]), {}
if wanted > 240 then
  minutes = redis.call('HGETALL', KEYS[3])
elseif wanted > 0 then
  local names = {}
  for minute = math.floor(now / 60) - wanted + 1, math.floor(now / 60) do names[#names + 1] = minute end
  local values = redis.call('HMGET', KEYS[3], unpack(names))
  for i, value in ipairs(values) do
    if value then minutes[#minutes + 1] = tostring(names[i]); minutes[#minutes + 1] = value end
  end
end
return {
  redis.call('HMGET', KEYS[1], 'epoch', 'run_id', 'state', 'seq', 'ordinal', 'watermark', 'voids', 'birth'),
  redis.call('HGETALL', KEYS[2]), minutes,
  ARGV[2] == '1' and redis.call('HGETALL', KEYS[4]) or {},
  redis.call('XLEN', KEYS[5]),
  string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'), now}
