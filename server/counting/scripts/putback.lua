-- Puts documents back into a shard that lacks them: a set union, counts only go up, the document's ordinal wins.
-- It writes no journal: what comes from a document is durable already.
-- KEYS: meta, totals, minutes, units, page...
-- ARGV: epoch, packed items, clock ("" = TIME), settled (1 = leave cells whose last change MongoDB does not have yet)
-- item: {page (1 = KEYS[5]), offset, ordinal, second, seq, bit, region, unit, was region, was unit}; was region "": not known
-- Returns {"OK", changed, displaced (counted for a place that no item names)} or {"NOT_READY"}.
local CELL = '>I4I4I4I2'
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'watermark', 'shards', 'shard', 'ordinal')
if not meta[1] or meta[1] ~= ARGV[1] then return {'NOT_READY'} end
local now = tonumber(ARGV[3]) or tonumber(redis.call('TIME')[1])
local pending = ARGV[4] == '1' and tonumber(meta[2] or 0) or math.huge

local function count(sign, second, region, unit)
  redis.call('HINCRBY', KEYS[2], 'r:' .. region, sign)
  if unit ~= '' then redis.call('HINCRBY', KEYS[4], unit, sign) end
  local minute = math.floor(second / 60)
  if minute > math.floor(now / 60) - 1440 then redis.call('HINCRBY', KEYS[3], minute, sign) end
end

local shards, shard, ordinal = tonumber(meta[3]), tonumber(meta[4]), tonumber(meta[5])
local last = ordinal
local changed, displaced = 0, 0
for _, item in ipairs(cmsgpack.unpack(ARGV[2])) do
  local page, offset, bit = KEYS[4 + item[1]], item[2], item[6]
  local raw = redis.call('GETRANGE', page, offset, offset + 13)
  local o, s, q, f = 0, 0, 0, 0
  if #raw == 14 then
    o, s, q, f = struct.unpack(CELL, raw)
  else
    redis.call('SETRANGE', page, 57330, string.rep('\0', 14))  -- its whole length at once, as in accept.lua
  end
  local counted = math.floor(f / 8192) % 4 == 0
  local had = math.floor(f / 2 ^ bit) % 2 == 1
  if q <= pending and (o ~= item[3] or not had) then
    changed = changed + 1
    local n = (item[3] - shard - 1) / shards + 1
    if n == math.floor(n) and n > last then last = n end
    if counted and o == 0 then
      redis.call('HINCRBY', KEYS[2], 'p', 1)
      count(1, item[4], item[7], item[8])
    elseif counted and o ~= item[3] and item[7] ~= '' and item[9] ~= '' then
      -- She counted for another place and minute meanwhile: what counts is what the document says.
      count(1, item[4], item[7], item[8])
      count(-1, s, item[9], item[10])
    elseif counted and o ~= item[3] then
      displaced = displaced + 1
    end
    if not had then
      f = f + 2 ^ bit
      if counted then redis.call('HINCRBY', KEYS[2], 'a:' .. bit, 1) end
    end
    redis.call('SETRANGE', page, offset, struct.pack(CELL, item[3], item[4], math.max(q, item[5]), f))
  end
end
if last > ordinal then redis.call('HSET', KEYS[1], 'ordinal', last) end  -- else it would be given to another
return {'OK', changed, displaced}
