-- Takes a batch of salutes on one shard and returns each one's record, never a boolean.
-- KEYS: meta, totals, minutes, units, journal, page...
-- ARGV: epoch, packed items, packed page numbers of KEYS[6]..., newest sequence that the caller was ever told,
--       clock ("" = the server's TIME; tests give seconds)
-- item: {citizen, bit (-1 = only look), region, unit, late, receipt (nil = none)}
-- receipt: {campaign, period, citizen, ordinal, second, bits, region, unit}
-- Returns {"OK", watermark, newest sequence, packed records} or {"NOT_READY"}; record: {status, ordinal, second, seq, flags}
-- It reads and decides everything first, then writes the journal, then the cells: an error before
-- the first write leaves nothing behind, and what the cells know the journal knows.
-- For speed: no table with names for each citizen, and no number of hers handed to a command, which would print it as a float.
local CELL = '>I4I4I4I2'
local REPEAT, FIRST, ACTIVITY, RESTORED = 0, 1, 2, 3
local VOIDED, NOT_OPEN, ENDED, PAUSED, FROZEN, NO_PLACE, IS_MERGED, FULL, ABSENT = 16, 17, 18, 19, 20, 21, 22, 23, 24
local LATE_SECONDS = 1800
local VOID, MERGED, DELETED = 2 ^ 13, 2 ^ 14, 2 ^ 15

local meta = redis.call('HMGET', KEYS[1], 'epoch', 'run_id', 'state', 'opens', 'closes', 'shards', 'shard',
  'seq', 'ordinal', 'watermark', 'backlog_limit', 'activities')
if not meta[1] or meta[1] ~= ARGV[1] or meta[3] == 'closed' then return {'NOT_READY'} end
-- A server that was restarted, replaced or promoted has another run_id than the one that opened the shard.
if string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') ~= meta[2] then return {'NOT_READY'} end
-- One that was filled again by another server, as a master that followed its own replica for a while, keeps its run_id.
if tonumber(meta[8]) < tonumber(ARGV[4]) then return {'NOT_READY'} end

local now = tonumber(ARGV[5]) or tonumber(redis.call('TIME')[1])
local state, opens, closes = meta[3], tonumber(meta[4]), tonumber(meta[5])
local shards, shard = tonumber(meta[6]), tonumber(meta[7])
local seq, ordinal, watermark = tonumber(meta[8]), tonumber(meta[9]), tonumber(meta[10])
local backlog_limit, activities = tonumber(meta[11]), tonumber(meta[12])

local floor, format, call = math.floor, string.format, redis.call
local page_key = {}
for i, page in ipairs(cmsgpack.unpack(ARGV[3])) do page_key[page] = KEYS[5 + i] end

local function malformed(item)
  local citizen, bit, receipt = item[1], item[2], item[6]
  return #item < 5 or citizen < 0 or citizen % shards ~= shard or not page_key[floor(citizen / shards / 4096)] or bit < -1 or bit >= activities
    or receipt and (#receipt ~= 8 or receipt[4] <= 0 or receipt[6] <= 0 or receipt[6] >= VOID)
end

local items = cmsgpack.unpack(ARGV[2])
for i = 1, #items do
  if malformed(items[i]) then return redis.error_reply('BAD_ARGUMENT an item of the batch is malformed') end
end

local function refusal(late)
  if state == 'paused' then return PAUSED end
  if state == 'frozen' then return FROZEN end
  if now < opens then return NOT_OPEN end
  if now >= closes and not (late == 1 and now < closes + LATE_SECONDS) then return ENDED end
  if seq - watermark >= backlog_limit then return FULL end
  return nil
end

-- A cell is {ordinal, second, sequence, flags, page's key, offset, changed}.
local cells, dirty, rows, out, short = {}, {}, {}, {}, {}
local participants, by_activity, by_region, by_minute, by_unit = 0, {}, {}, {}, {}

local function has(flags, mask) return flags % (2 * mask) >= mask end

local function row(cell, citizen, bit, region, unit, late)
  seq = seq + 1
  cell[3] = seq
  cell[4] = cell[4] + 2 ^ bit
  rows[#rows + 1] = {seq, 0, citizen, bit, cell[1], cell[2], region, unit, late}
  by_activity[bit] = (by_activity[bit] or 0) + 1
  if not cell[7] then cell[7] = true; dirty[#dirty + 1] = cell end
end

local function join(cell, region, unit)
  participants = participants + 1
  by_region[region] = (by_region[region] or 0) + 1
  if unit ~= '' then by_unit[unit] = (by_unit[unit] or 0) + 1 end
  local minute = floor(cell[2] / 60)
  if minute > floor(now / 60) - 1440 then by_minute[minute] = (by_minute[minute] or 0) + 1 end
end

local function cell_of(citizen)
  local index = floor(citizen / shards)
  local page, offset = page_key[floor(index / 4096)], index % 4096 * 14
  local start = format('%d', offset)
  local raw = call('GETRANGE', page, start, format('%d', offset + 13))
  local cell
  if #raw == 14 then
    local o, s, q, f = struct.unpack(CELL, raw)
    cell = {o, s, q, f, page, start, false}
  else
    cell = {0, 0, 0, 0, page, start, false}
    short[page] = true
  end
  cells[citizen] = cell
  return cell
end

for i = 1, #items do
  local item = items[i]
  local citizen, bit, receipt = item[1], item[2], item[6]
  local cell = cells[citizen] or cell_of(citizen)
  local status, flags = REPEAT, cell[4]
  if flags >= VOID and has(flags, VOID) then status = VOIDED
  elseif flags >= VOID and has(flags, MERGED) then status = IS_MERGED
  elseif flags >= VOID and has(flags, DELETED) and (bit >= 0 or receipt) then status = IS_MERGED -- deleted: her process will learn of it
  else
    if receipt then
      -- What was acknowledged once comes back with its own ordinal and time, whatever the window says.
      if cell[1] == 0 then
        cell[1], cell[2] = receipt[4], receipt[5]
        join(cell, receipt[7], receipt[8])
        local n = (receipt[4] - shard - 1) / shards + 1
        if n == floor(n) and n > ordinal then ordinal = n end
        status = RESTORED
      end
      for b = 0, activities - 1 do
        if has(receipt[6], 2 ^ b) and not has(cell[4], 2 ^ b) then
          row(cell, citizen, b, receipt[7], receipt[8], 2)
          status = RESTORED
        end
      end
    end
    if bit < 0 then
      if cell[1] == 0 then status = ABSENT end
    elseif not has(cell[4], 2 ^ bit) then
      local refused = refusal(item[5])
      if refused then
        status = refused -- also where a receipt brought something back: what she asks for now is not done
      elseif cell[1] == 0 then
        if item[3] == '' then
          status = NO_PLACE
        else
          ordinal = ordinal + 1
          cell[1], cell[2] = (ordinal - 1) * shards + shard + 1, now
          join(cell, item[3], item[4])
          row(cell, citizen, bit, item[3], item[4], item[5])
          status = FIRST
        end
      else
        row(cell, citizen, bit, '', '', item[5])  -- her place is that of her first
        status = ACTIVITY
      end
    end
  end
  out[i] = {status, cell}
end

if #rows > 0 then
  call('XADD', KEYS[5], meta[1] .. format('-%d', seq), 'rows', cmsgpack.pack(rows))
  for i = 1, #dirty do
    local cell = dirty[i]
    if short[cell[5]] then
      -- A page gets its whole length at once: one that grows cell by cell has up to twice its memory reserved.
      call('SETRANGE', cell[5], '57330', string.rep('\0', 14))
      short[cell[5]] = nil
    end
    call('SETRANGE', cell[5], cell[6], struct.pack(CELL, cell[1], cell[2], cell[3], cell[4]))
  end
  if participants > 0 then call('HINCRBY', KEYS[2], 'p', participants) end
  for bit, n in pairs(by_activity) do call('HINCRBY', KEYS[2], 'a:' .. bit, n) end
  for region, n in pairs(by_region) do call('HINCRBY', KEYS[2], 'r:' .. region, n) end
  for unit, n in pairs(by_unit) do call('HINCRBY', KEYS[4], unit, n) end
  for minute, n in pairs(by_minute) do
    if call('HINCRBY', KEYS[3], minute, n) == n and call('HLEN', KEYS[3]) > 1500 then
      for _, old in ipairs(call('HKEYS', KEYS[3])) do
        if tonumber(old) <= floor(now / 60) - 1440 then call('HDEL', KEYS[3], old) end
      end
    end
  end
  call('HSET', KEYS[1], 'seq', seq, 'ordinal', ordinal)
end

local records = {}
for i = 1, #out do
  local cell = out[i][2]
  records[i] = {out[i][1], cell[1], cell[2], cell[3], cell[4]}
end
return {'OK', watermark, seq, cmsgpack.pack(records)}
