/**
 * Every page of the console, in the order of the navigation. To add one:
 *
 * 1. A folder here with `Page.vue` (begins with `PageHead`), `words.ts` (`both({…}, {…})`, Chinese and English), `calls.ts` (the addresses
 *    and shapes that it uses: `get`, `post`, `put`, `remove` of `frame/door`, which sign in again by themselves) and its tests `*.test.ts`.
 * 2. One entry in `PAGES`: address, name, title in both languages, group, icon (of `@element-plus/icons-vue`), the roles that may open it
 *    (none: everybody; admins always), and the lazy import. Without a group it stands in no navigation, as a page of one thing.
 * 3. Its address in `PAGES` of `tests/browser/test_console.py`, which opens it at three widths, light and dark.
 *
 * What the frame gives: `useList` and `DataList` (lists that page by `next`), `useFilters` (filters in the address), `useAccount` and
 * `AccountPicker`, `Problem` and `refused` (what to do about an error; advice by code stands in `frame/problems.ts`), `Empty`,
 * `done`, `doneWithUndo`, `Held` (done a little later, so that it can be stopped), `useBusy`, `useEvery` (read again every so often),
 * `useLeaveGuard`, `useKeys` (`?` lists them), `Conflict` (what others changed meanwhile), `DayBars`, `spoken`, `picked`, `written`, `may`. Styles of Element Plus: `frame/element.css`.
 */
import { Avatar, Bell, ChatDotRound, Checked, Collection, DataLine, Delete, Document, Download, EditPen, Film, Flag, Grid, Key, Lock, Menu, Monitor, MuteNotification, Notebook, Odometer, Operation, Picture, Postcard, Promotion, School, SetUp, Stamp, Tickets, Timer, User, View, Warning } from '@element-plus/icons-vue'
import type { Component } from 'vue'
import { may } from '../frame/door'
import type { Language } from '../frame/words'

export const GROUPS = ['campaign', 'account', 'content', 'mini', 'system'] as const

export interface PageEntry {
  path: string
  name: string
  title: Record<Language, string>
  load: () => Promise<{ default: Component }>
  group?: (typeof GROUPS)[number]
  icon?: Component
  roles?: readonly string[]
  /** Stands at the bottom of a phone, for everybody or for the roles named; the first three that a role may open do. */
  thumb?: boolean | readonly string[]
}

export const PAGES: PageEntry[] = [
  { path: '/campaigns', name: 'campaigns', title: { zh: '活动', en: 'Campaigns' }, group: 'campaign', icon: Flag, thumb: true, load: () => import('./campaigns/Page.vue') },
  { path: '/new-campaign', name: 'new-campaign', title: { zh: '新建活动', en: 'New campaign' }, roles: ['editor'], load: () => import('./new-campaign/Page.vue') },
  { path: '/operations', name: 'operations', title: { zh: '操作台', en: 'Operations' }, group: 'campaign', icon: Operation, roles: ['operator', 'editor', 'reviewer', 'auditor'], thumb: ['operator'], load: () => import('./operations/Page.vue') },
  { path: '/campaigns/:slug', name: 'campaign', title: { zh: '活动', en: 'Campaign' }, load: () => import('./campaign/Page.vue') },
  { path: '/campaigns/:slug/:tab(draft|page|poster|kit|versions|review|checks|release|corrections)', name: 'desk', title: { zh: '活动编审', en: 'Campaign desk' }, load: () => import('./desk/Page.vue') },
  { path: '/reviews', name: 'reviews', title: { zh: '待我审核', en: 'Waiting for me' }, group: 'campaign', icon: Stamp, roles: ['reviewer'], load: () => import('./reviews/Page.vue') },
  { path: '/messages', name: 'messages', title: { zh: '内容审核', en: 'Review' }, group: 'campaign', icon: Checked, roles: ['reviewer'], thumb: true, load: () => import('./messages/Page.vue') },
  { path: '/wall', name: 'wall', title: { zh: '公开内容', en: 'Public' }, group: 'campaign', icon: View, roles: ['reviewer', 'operator'], load: () => import('./wall/Page.vue') },
  { path: '/complaints', name: 'complaints', title: { zh: '举报', en: 'Reports of citizens' }, group: 'campaign', icon: Warning, roles: ['reviewer', 'operator', 'auditor'], load: () => import('./complaints/Page.vue') },
  { path: '/bans', name: 'bans', title: { zh: '禁言', en: 'Bans' }, group: 'campaign', icon: MuteNotification, roles: ['reviewer', 'auditor'], load: () => import('./bans/Page.vue') },
  { path: '/source-records', name: 'source-records', title: { zh: '来源记录', en: 'Source records' }, group: 'campaign', icon: Lock, roles: ['reviewer', 'auditor'], load: () => import('./sources/Page.vue') },
  { path: '/review-rules', name: 'review-rules', title: { zh: '审核规则', en: 'Rules of review' }, group: 'campaign', icon: SetUp, roles: ['reviewer', 'operator', 'editor', 'auditor'], load: () => import('./review-rules/Page.vue') },
  { path: '/schools', name: 'schools', title: { zh: '学校', en: 'Schools' }, group: 'campaign', icon: School, load: () => import('./schools/Page.vue') },
  { path: '/bulletins', name: 'bulletins', title: { zh: '战报', en: 'Bulletins' }, group: 'campaign', icon: Promotion, roles: ['operator', 'auditor', 'reviewer'], thumb: true, load: () => import('./bulletins/Page.vue') },
  { path: '/duty', name: 'duty', title: { zh: '值班', en: 'Duty log' }, group: 'campaign', icon: Notebook, roles: ['operator', 'auditor', 'reviewer'], load: () => import('./duty/Page.vue') },
  { path: '/words', name: 'words', title: { zh: '词库', en: 'Word lists' }, group: 'campaign', icon: Collection, roles: ['editor', 'reviewer'], load: () => import('./words/Page.vue') },
  { path: '/reports', name: 'reports', title: { zh: '报表', en: 'Reports' }, group: 'campaign', icon: DataLine, load: () => import('./reports/Page.vue') },
  { path: '/experience', name: 'experience', title: { zh: '真实体验', en: 'Real users' }, group: 'campaign', icon: Timer, load: () => import('./experience/Page.vue') },
  { path: '/exports', name: 'exports', title: { zh: '明细导出', en: 'Exports' }, group: 'campaign', icon: Download, roles: ['editor', 'operator', 'auditor'], load: () => import('./exports/Page.vue') },
  { path: '/kiosks', name: 'kiosks', title: { zh: '大屏与启动仪式', en: 'Walls and ceremony' }, group: 'campaign', icon: Monitor, roles: ['operator', 'auditor'], load: () => import('./kiosks/Page.vue') },
  { path: '/wording', name: 'wording', title: { zh: '用语规则', en: 'Wording rules' }, group: 'campaign', icon: EditPen, roles: ['editor', 'reviewer'], load: () => import('./wording/Page.vue') },
  { path: '/recycle-bin', name: 'recycle-bin', title: { zh: '回收站', en: 'Recycle bin' }, group: 'campaign', icon: Delete, load: () => import('./bin/Page.vue') },
  { path: '/replies', name: 'replies', title: { zh: '自动回复', en: 'Replies' }, group: 'account', icon: ChatDotRound, thumb: true, load: () => import('./replies/Page.vue') },
  { path: '/menus', name: 'menus', title: { zh: '菜单', en: 'Menu' }, group: 'account', icon: Menu, load: () => import('./menus/Page.vue') },
  { path: '/codes', name: 'codes', title: { zh: '二维码与短链', en: 'QR codes and links' }, group: 'account', icon: Postcard, load: () => import('./codes/Page.vue') },
  { path: '/notices', name: 'notices', title: { zh: '通知', en: 'Notices' }, group: 'account', icon: Bell, roles: ['editor', 'operator', 'auditor'], load: () => import('./notices/Page.vue') },
  { path: '/followers', name: 'followers', title: { zh: '关注者与标签', en: 'Followers' }, group: 'account', icon: User, roles: ['editor', 'operator', 'auditor'], load: () => import('./followers/Page.vue') },
  { path: '/articles', name: 'articles', title: { zh: '图文', en: 'Articles' }, group: 'content', icon: Document, load: () => import('./articles/Page.vue') },
  { path: '/media', name: 'media', title: { zh: '媒体库', en: 'Media' }, group: 'content', icon: Film, load: () => import('./media/Page.vue') },
  { path: '/materials', name: 'materials', title: { zh: '素材', en: 'Materials' }, group: 'content', icon: Picture, load: () => import('./materials/Page.vue') },
  { path: '/mini', name: 'mini', title: { zh: '小程序码与链接', en: 'Codes and links' }, group: 'mini', icon: Grid, load: () => import('./mini/Page.vue') },
  { path: '/health', name: 'health', title: { zh: '运行状态', en: 'Health' }, group: 'system', icon: Monitor, roles: ['operator', 'auditor'], load: () => import('./health/Page.vue') },
  { path: '/quotas', name: 'quotas', title: { zh: '接口额度', en: 'Quotas' }, group: 'system', icon: Odometer, roles: ['admin'], load: () => import('./quotas/Page.vue') },
  { path: '/members', name: 'members', title: { zh: '工作人员', en: 'Staff' }, group: 'system', icon: Avatar, roles: ['admin'], load: () => import('./members/Page.vue') },
  { path: '/audit-log', name: 'audit-log', title: { zh: '审计日志', en: 'Audit log' }, group: 'system', icon: Tickets, roles: ['auditor'], load: () => import('./audit-log/Page.vue') },
  { path: '/me', name: 'me', title: { zh: '我的账号', en: 'My account' }, group: 'system', icon: Key, load: () => import('./me/Page.vue') },
]

/** What stands in the navigation of whoever is signed in. */
export function visiblePages(): PageEntry[] {
  return PAGES.filter(({ group, roles = [] }) => group !== undefined && may(...roles))
}
