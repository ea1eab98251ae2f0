-- Takes a batch of salutes on one shard and returns each one's record, never a boolean.
-- KEYS: meta, totals, minutes, units, journal, page...
-- ARGV: epoch, packed items, clock ("" = the server's TIME; tests give seconds), newest sequence that the caller was ever told
-- item: {citizen, page (1 = KEYS[6]), offset, bit (-1 = only look), region, unit, late,
--        restore ordinal (0 = none), restore second, restore bits, restore region, restore unit}
-- Returns {"OK", watermark, now, records} or {"NOT_READY"}; a record is status, ordinal, second, seq, flags.
-- It reads and decides everything first, then writes the journal, then the cells: an error before
-- the first write leaves nothing behind, and what the cells know the journal knows.
local CELL = '>I4I4I4I2'
local RECORD = '>BI4I4I4I2'
local REPEAT, FIRST, ACTIVITY, RESTORED = 0, 1, 2, 3
local VOIDED, NOT_OPEN, ENDED, PAUSED, FROZEN, NO_PLACE, IS_MERGED, FULL, ABSENT = 16, 17, 18, 19, 20, 21, 22, 23, 24
local LATE_SECONDS = 1800

local meta = redis.call('HMGET', KEYS[1], 'epoch', 'run_id', 'state', 'opens', 'closes', 'shards', 'shard',
  'seq', 'ordinal', 'watermark', 'backlog_limit', 'activities')
if not meta[1] or meta[1] ~= ARGV[1] or meta[3] == 'closed' then return {'NOT_READY'} end
-- A server that was restarted, replaced or promoted has another run_id than the one that opened the shard.
if string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') ~= meta[2] then return {'NOT_READY'} end
-- One that was filled again by another server, as a master that followed its own replica for a while, keeps its run_id.
if tonumber(meta[8]) < tonumber(ARGV[4] or '0') then return {'NOT_READY'} end

local now = tonumber(ARGV[3]) or tonumber(redis.call('TIME')[1])
local state, opens, closes = meta[3], tonumber(meta[4]), tonumber(meta[5])
local shards, shard = tonumber(meta[6]), tonumber(meta[7])
local seq, ordinal, watermark = tonumber(meta[8]), tonumber(meta[9]), tonumber(meta[10])
local backlog_limit, activities = tonumber(meta[11]), tonumber(meta[12])

local items = cmsgpack.unpack(ARGV[2])
for _, item in ipairs(items) do
  if #item ~= 12 or not KEYS[5 + item[2]] or item[3] % 14 ~= 0 or item[3] >= 57344 or item[4] >= activities
    or item[1] < 0 or item[8] < 0 or item[10] < 0 or item[10] >= 8192 then
    return redis.error_reply('BAD_ARGUMENT an item of the batch is malformed')
  end
end

local function refusal(late)
  if state == 'paused' then return PAUSED end
  if state == 'frozen' then return FROZEN end
  if now < opens then return NOT_OPEN end
  if now >= closes and not (late == 1 and now < closes + LATE_SECONDS) then return ENDED end
  if seq - watermark >= backlog_limit then return FULL end
  return nil
end

local cells, dirty, rows, out, short = {}, {}, {}, {}, {}
local totals, minutes, units = {}, {}, {}
local function add(t, name, n) t[name] = (t[name] or 0) + n end

local function row(cell, citizen, bit, region, unit, late)
  seq = seq + 1
  cell[3] = seq
  cell[4] = cell[4] + 2 ^ bit
  rows[#rows + 1] = {seq, 0, citizen, bit, cell[1], cell[2], region, unit, late}
  add(totals, 'a:' .. bit, 1)
  if not cell.dirty then cell.dirty = true; dirty[#dirty + 1] = cell end
end

local function join(cell, region, unit)
  add(totals, 'p', 1)
  add(totals, 'r:' .. region, 1)
  if unit ~= '' then add(units, unit, 1) end
  local minute = math.floor(cell[2] / 60)
  if minute > math.floor(now / 60) - 1440 then add(minutes, minute, 1) end
end

local function has(flags, bit) return math.floor(flags / 2 ^ bit) % 2 == 1 end

for i, item in ipairs(items) do
  local citizen, bit, region, unit, late = item[1], item[4], item[5], item[6], item[7]
  local name = item[2] .. ':' .. item[3]
  local cell = cells[name]
  if not cell then
    local raw = redis.call('GETRANGE', KEYS[5 + item[2]], item[3], item[3] + 13)
    if #raw == 14 then
      local o, s, q, f = struct.unpack(CELL, raw)
      cell = {o, s, q, f}
    else
      cell = {0, 0, 0, 0}
      short[item[2]] = true
    end
    cell.page, cell.offset = item[2], item[3]
    cells[name] = cell
  end
  local status = REPEAT
  if has(cell[4], 13) then status = VOIDED
  elseif has(cell[4], 14) then status = IS_MERGED
  elseif has(cell[4], 15) and (bit >= 0 or item[8] > 0) then status = IS_MERGED -- deleted: her process has yet to learn of it
  else
    if item[8] > 0 then
      -- A receipt: what was acknowledged once comes back with its own ordinal and time, whatever the window says.
      if cell[1] == 0 then
        cell[1], cell[2] = item[8], item[9]
        join(cell, item[11], item[12])
        local n = (item[8] - shard - 1) / shards + 1
        if n == math.floor(n) and n > ordinal then ordinal = n end
        status = RESTORED
      end
      for b = 0, activities - 1 do
        if has(item[10], b) and not has(cell[4], b) then
          row(cell, citizen, b, item[11], item[12], 2)
          status = RESTORED
        end
      end
    end
    if bit >= 0 and not has(cell[4], bit) then
      local refused = refusal(late)
      if refused then
        if status ~= RESTORED then status = refused end
      elseif cell[1] == 0 then
        if region == '' then
          status = NO_PLACE
        else
          ordinal = ordinal + 1
          cell[1], cell[2] = (ordinal - 1) * shards + shard + 1, now
          join(cell, region, unit)
          row(cell, citizen, bit, region, unit, late)
          status = FIRST
        end
      else
        row(cell, citizen, bit, '', '', late)  -- her place is that of her first
        status = ACTIVITY
      end
    elseif bit < 0 and cell[1] == 0 then
      status = ABSENT
    end
  end
  out[i] = {status, cell}
end

if #rows > 0 then
  redis.call('XADD', KEYS[5], meta[1] .. '-' .. seq, 'rows', cmsgpack.pack(rows))
  for _, cell in ipairs(dirty) do
    if short[cell.page] then
      -- A page gets its whole length at once: one that grows cell by cell has up to twice its memory reserved.
      redis.call('SETRANGE', KEYS[5 + cell.page], 57330, string.rep('\0', 14))
      short[cell.page] = nil
    end
    redis.call('SETRANGE', KEYS[5 + cell.page], cell.offset, struct.pack(CELL, cell[1], cell[2], cell[3], cell[4]))
  end
  for name, n in pairs(totals) do redis.call('HINCRBY', KEYS[2], name, n) end
  for unit, n in pairs(units) do redis.call('HINCRBY', KEYS[4], unit, n) end
  for minute, n in pairs(minutes) do
    if redis.call('HINCRBY', KEYS[3], minute, n) == n and redis.call('HLEN', KEYS[3]) > 1500 then
      for _, old in ipairs(redis.call('HKEYS', KEYS[3])) do
        if tonumber(old) <= math.floor(now / 60) - 1440 then redis.call('HDEL', KEYS[3], old) end
      end
    end
  end
  redis.call('HSET', KEYS[1], 'seq', seq, 'ordinal', ordinal)
end

local records = {}
for i, pair in ipairs(out) do
  local cell = pair[2]
  records[i] = struct.pack(RECORD, pair[1], cell[1], cell[2], cell[3], cell[4])
end
return {'OK', watermark, now, table.concat(records)}
