-- wrk's script: each request is another citizen's salute, drawn at random, with the header fields of a phone.
local tokens, n = {}, 0
for line in io.lines(os.getenv("BENCH_TOKENS")) do n = n + 1; tokens[n] = line end
local body = '{"activity":"salute","region":"350602"}'
local head = "POST /api/v1/campaigns/salute-the-flag/participations HTTP/1.1\r\nHost: 127.0.0.1\r\n" ..
  "User-Agent: Mozilla/5.0 (Linux; Android 8.1.0; wv) AppleWebKit/537.36 Chrome/86.0 MicroMessenger/8.0.42\r\n" ..
  "Accept: */*\r\nAccept-Language: zh-CN,zh;q=0.9\r\nContent-Type: application/json\r\nContent-Length: " .. #body ..
  "\r\nAuthorization: Bearer "
local tail = "\r\n\r\n" .. body

function init(args) math.randomseed(tonumber(os.getenv("BENCH_SEED"))) end
function request() return head .. tokens[math.random(n)] .. tail end
function done(summary, latency)
  io.write(string.format('{"requests": %d, "seconds": %f, "refused": %d, "failed": %d, "p50_ms": %f, "p99_ms": %f}\n', summary.requests,
    summary.duration / 1e6, summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
