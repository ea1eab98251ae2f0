/** Notices as WeChat draws them: a title, named fields, and what a tap opens. Pure. */
import { FROM, pageAndQuery } from './mini'
import type { Account, Line } from './sandbox'

/** What a kind of field holds. A real phone knows each template's own words; where the sandbox does not, these stand in. */
const KINDS: Record<string, string> = {
  thing: '内容', time: '时间', date: '日期', phrase: '状态', number: '数量', character_string: '编号', name: '姓名', phone_number: '电话',
  amount: '金额', letter: '字母', symbol: '符号', car_number: '车牌号', const: '类别', keyword: '内容', first: '说明', remark: '备注',
}

export interface Field {
  label: string
  value: string
}

/** The fields in the order in which they were sent; several of one kind are told apart by a number. */
export function fields(data: Record<string, { value: string }>, labels: Record<string, string> = {}): Field[] {
  const kindOf = (key: string) => key.replace(/\d+$/, '')
  const keys = Object.keys(data)
  const seen: Record<string, number> = {}
  return keys.map((key) => {
    const name = KINDS[kindOf(key)] ?? '内容'
    const same = keys.filter((other) => !labels[other] && (KINDS[kindOf(other)] ?? '内容') === name).length
    if (!labels[key]) seen[name] = (seen[name] ?? 0) + 1
    return { label: labels[key] || (same > 1 ? `${name} ${seen[name]}` : name), value: String(data[key]?.value ?? '') }
  })
}

export const isNotice = (line: Line) => !!line.message?.template_id && !!line.message.data

/** What stands above the fields: the template's title where it is known. */
export const titleOf = (line: Line, account: Account | undefined) =>
  line.template?.title || (account?.kind === 'miniprogram' || line.message?.page !== undefined ? '订阅消息' : '模板消息')

export type Target = { url: string } | { appid: string; page: string; query: string; from: number }

/** What a tap opens: a mini-program's page goes before a web page; a mini-program's own notice opens itself. */
export function targetOf(line: Line, account: Account | undefined): Target | null {
  const { miniprogram, url, page } = line.message ?? {}
  if (account?.kind === 'miniprogram') return page ? { appid: account.appid, ...pageAndQuery(page), from: FROM.notice } : null
  if (miniprogram?.appid) return { appid: miniprogram.appid, ...pageAndQuery(miniprogram.pagepath ?? ''), from: FROM.template }
  const address = url || page || ''
  return /^https?:\/\//.test(address) ? { url: address } : null
}
