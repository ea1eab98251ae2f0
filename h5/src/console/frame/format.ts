/** Moments and numbers as people read them, in Shanghai time wherever the reader is. */
import { language } from './words'

const SHANGHAI_MS = 8 * 3_600_000
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** 2026年10月1日 08:00, or 1 Oct 2026, 08:00. */
export function spoken(iso: string | null | undefined): string {
  const when = new Date(iso ?? '')
  if (Number.isNaN(when.getTime())) return ''
  const [year, month, day, hour, minute] = new Date(when.getTime() + SHANGHAI_MS).toISOString().split(/[-T:]/)
  if (language.value === 'en') return `${Number(day)} ${MONTHS[Number(month) - 1]} ${year}, ${hour}:${minute}`
  return `${year}年${Number(month)}月${Number(day)}日 ${hour}:${minute}`
}

/** The same to the second: 10月1日 08:00:12, or 1 Oct, 08:00:12. */
export function seconds(iso: string | null | undefined): string {
  const when = new Date(iso ?? '')
  if (Number.isNaN(when.getTime())) return ''
  const [, month, day, hour, minute, second] = new Date(when.getTime() + SHANGHAI_MS).toISOString().split(/[-T:.]/)
  if (language.value === 'en') return `${Number(day)} ${MONTHS[Number(month) - 1]}, ${hour}:${minute}:${second}`
  return `${Number(month)}月${Number(day)}日 ${hour}:${minute}:${second}`
}

/** 08:00 */
export function clock(iso: string): string {
  const when = new Date(iso)
  return Number.isNaN(when.getTime()) ? '' : new Date(when.getTime() + SHANGHAI_MS).toISOString().slice(11, 16)
}

/** 1,234,567 */
export function grouped(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',')
}

/** What a date picker holds (a moment, shown in Shanghai time) as ISO 8601 with the zone, or null. */
export function written(shown: string | null): string | null {
  return shown ? `${shown.replace(' ', 'T')}+08:00` : null
}

/** An ISO moment as a date picker shows it: 2026-10-01 08:00:00 in Shanghai. */
export function picked(iso: string | null | undefined): string {
  const when = new Date(iso ?? '')
  return Number.isNaN(when.getTime()) ? '' : new Date(when.getTime() + SHANGHAI_MS).toISOString().slice(0, 19).replace('T', ' ')
}

/** 2026-10-01, as a field holds a day, and 20261001, as the interface writes it. */
export const dayOf = (shown: string | null | undefined) => (shown ?? '').replace(/-/g, '')
export const shownDay = (day: string) => day.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3')

/** How much of a text the platform counts. */
export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length
}
