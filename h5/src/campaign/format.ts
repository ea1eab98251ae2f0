/** Numbers and times as people read them. Times are Shanghai's, whatever the phone believes. */

/** 1234567 -> 1,234,567 */
export function grouped(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',')
}

const parts = (iso: string) => /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(iso)

/** 2026-10-01T08:05:00+08:00 -> 2026年10月1日 08:05 */
export function moment(iso: string): string {
  const p = parts(iso)
  return p ? `${p[1]}年${+p[2]!}月${+p[3]!}日 ${p[4]}:${p[5]}` : ''
}

/** 2026-10-01T08:05:00+08:00 -> 10月1日 08:05 */
export function shortMoment(iso: string): string {
  return moment(iso).replace(/^\d+年/, '')
}

/** From the first to the last day of the window; the close is the first moment that no longer counts. */
export function days(opens: string, closes: string): string {
  const last = new Date(Date.parse(closes) - 1000 + 8 * 3600_000).toISOString()
  const day = (iso: string) => moment(iso).split(' ')[0]!
  const [from, to] = [day(opens), day(last)]
  return from === to ? from : `${from} — ${from.slice(0, 5) === to.slice(0, 5) ? to.slice(5) : to}`
}
