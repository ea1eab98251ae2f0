/** How a mini-program was opened: its page, what came along, and the number that a real phone gives. Pure. */
import type { Account } from './sandbox'

/** `at` tells two openings of the same page apart: each is a visit of its own, going back to one is not. */
export interface Launch {
  appid: string
  page: string
  query: string
  from: number
  at: number
}

export const HOME = 'pages/index/index'
export const FROM = { contacts: 1001, search: 1005, menu: 1035, template: 1043, code: 1047, pressed: 1048, chat: 1074, notice: 1014 }

/** The names of the numbers, as the platform's list of them has it. */
const NAMES: Record<number, string> = {
  1001: '最近使用列表', 1005: '搜索结果', 1014: '订阅消息', 1035: '公众号自定义菜单', 1043: '公众号模板消息', 1047: '扫描小程序码',
  1048: '长按图片识别小程序码', 1065: 'URL Scheme', 1074: '会话中的小程序卡片', 1179: '小程序短链', 1194: 'URL Link',
}
export const fromText = (from: number) => `${from} ${NAMES[from] ?? '其他'}`

/** A launch as it stands in the phone's address. */
export const placeOf = (launch: Launch) => `${launch.at}/${launch.from}/${launch.appid}/${launch.page}${launch.query ? `?${launch.query}` : ''}`

export function launchOf(place: string): Launch {
  const [path, ...query] = place.split('?')
  const [at, from, appid, ...page] = path.split('/')
  return { at: Number(at) || 0, from: Number(from) || 1000, appid: appid ?? '', page: page.join('/') || HOME, query: query.join('?') }
}

/** "pages/a/a?b=1" as notices, menus and cards write it. */
export function pageAndQuery(text: string): { page: string; query: string } {
  const [page, ...query] = text.replace(/^\//, '').split('?')
  return { page: page.replace(/\.html$/, '') || HOME, query: query.join('?') }
}

export function parameters(query: string): [string, string][] {
  return [...new URLSearchParams(query).entries()]
}

/** What the printed code carries; the page decodes it once more, as on a real phone. */
export const sceneOf = (query: string) => new URLSearchParams(query).get('scene') ?? ''

/** Whether an address is one that WeChat opens as a mini-program and never as a web page. */
export const isMiniAddress = (text: string) => /^(https:\/\/wxaurl\.cn\/|weixin:\/\/dl\/business\/|#小程序:\/\/|sandbox:\/\/)/.test(text)

export const isMini = (account: Pick<Account, 'kind'>) => account.kind === 'miniprogram'
