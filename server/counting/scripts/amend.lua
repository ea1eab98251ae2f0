-- Sets one cell to what an audited act decided (void, merge, deletion) and moves the totals along.
-- KEYS: meta, totals, minutes, units, journal, page
-- ARGV: epoch, citizen, offset, expected seq (-1 = any), ordinal, second, flags,
--       old region, old unit, new region, new unit, kind, clock ("" = TIME),
--       recovering (1 = the shard is closed and the change is durable: no journal, the sequence stays)
-- Returns {"OK", seq}, {"NOT_READY"} or {"CHANGED", seq} when the cell is no longer what the caller read.
local CELL = '>I4I4I4I2'
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'run_id', 'state', 'seq', 'voids')
local recovering = ARGV[14] == '1'
if not meta[1] or meta[1] ~= ARGV[1] then return {'NOT_READY'} end
if not recovering and (meta[3] == 'closed'
  or string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') ~= meta[2]) then return {'NOT_READY'} end
local now = tonumber(ARGV[13]) or tonumber(redis.call('TIME')[1])
local offset = tonumber(ARGV[3])
local raw = redis.call('GETRANGE', KEYS[6], offset, offset + 13)
local o, s, q, f = 0, 0, 0, 0
if #raw == 14 then o, s, q, f = struct.unpack(CELL, raw) end
if tonumber(ARGV[4]) >= 0 and q ~= tonumber(ARGV[4]) then return {'CHANGED', q} end

local ordinal, second, flags = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local function counted(o_, f_) return o_ > 0 and math.floor(f_ / 8192) % 4 == 0 end
local function apply(sign, second_, flags_, region, unit)
  redis.call('HINCRBY', KEYS[2], 'p', sign)
  if region ~= '' then redis.call('HINCRBY', KEYS[2], 'r:' .. region, sign) end
  if unit ~= '' then redis.call('HINCRBY', KEYS[4], unit, sign) end
  local minute = math.floor(second_ / 60)
  if minute > math.floor(now / 60) - 1440 then redis.call('HINCRBY', KEYS[3], minute, sign) end
  for bit = 0, 12 do
    if math.floor(flags_ / 2 ^ bit) % 2 == 1 then redis.call('HINCRBY', KEYS[2], 'a:' .. bit, sign) end
  end
end

local seq = q
if not recovering then
  seq = tonumber(meta[4]) + 1
  redis.call('XADD', KEYS[5], meta[1] .. '-' .. seq, 'rows',
    cmsgpack.pack({{seq, 1, tonumber(ARGV[2]), flags, ordinal, second, ARGV[10], ARGV[11], ARGV[12]}}))
  redis.call('HSET', KEYS[1], 'seq', seq)
end
redis.call('SETRANGE', KEYS[6], offset, struct.pack(CELL, ordinal, second, seq, flags))
local before, after = counted(o, f), counted(ordinal, flags)
if after then apply(1, second, flags, ARGV[10], ARGV[11]) end
if before then apply(-1, s, f, ARGV[8], ARGV[9]) end
-- Clients let a shown total fall only when this number has risen.
if before and not after then redis.call('HINCRBY', KEYS[1], 'voids', 1) end
return {'OK', seq}
