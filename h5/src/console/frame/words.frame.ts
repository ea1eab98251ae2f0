/** The words of the frame itself. */
import { both } from './words'

export const words = both(
  {
    product: '文明', console: '工作台', pages: '页面', more: '更多', search: '搜索：活动、页面、规则、短链、媒体、人', searchNone: '没有找到；换个词，或按 ? 看快捷键', found: { page: '页面', campaign: '活动', member: '工作人员', rule: '回复规则', link: '短链', batch: '通知', medium: '媒体', message: '留言' },
    help: '键盘帮助', language: 'English', shade: { system: '明暗：跟随系统', light: '明暗：浅色', dark: '明暗：深色' }, signOut: '退出', close: '关闭',
    roles: { admin: '管理员', editor: '编辑', reviewer: '审核员', operator: '值守', auditor: '审计' } as Record<string, string>,
    groups: { campaign: '活动', account: '公众号', content: '内容', mini: '小程序', system: '系统' } as Record<string, string>,
    purpose: '登录后管理活动、回复与审核', again: '登录已到期。登录后回到这一页，填写的内容都还在。', opening: '正在打开工作台…', retry: '再试一次', notOpened: '工作台没有打开，请再试一次',
    ending: (minutes: number) => `登录将在 ${minutes} 分钟后到期`, endingHint: '现在重新登录，手头的内容不受影响。', signInNow: '重新登录',
    denied: '这一页不对您的角色开放', deniedHint: (roles: string) => `需要的角色：${roles}。请联系管理员。`, lost: '没有这一页', lostHint: '地址可能写错了，或这一页已改名。', home: '回到活动',
    newer: '工作台刚刚更新', newerHint: '刷新后继续。', reload: '刷新', keys: { search: '搜索', help: '显示本帮助', close: '关闭弹窗' }, skip: '跳到正文', account: '账号', noAccount: '没有接入这类账号',
    noAccountHint: '请管理员在设置中填写 AppID 与密钥，然后重启。', requestId: '请求编号', loadMore: '继续加载', reading: '正在读取…', end: '已全部显示',
  },
  {
    product: 'Wenming', console: 'Console', pages: 'Pages', more: 'More', search: 'Find campaigns, pages, rules, links, media, staff', searchNone: 'Nothing found. Try another word, or press ? for the keys', found: { page: 'Page', campaign: 'Campaign', member: 'Staff', rule: 'Rule', link: 'Link', batch: 'Notices', medium: 'Media', message: 'Message' },
    help: 'Keyboard help', language: '中文', shade: { system: 'Shade: as the system', light: 'Shade: light', dark: 'Shade: dark' }, signOut: 'Sign out', close: 'Close',
    roles: { admin: 'Admin', editor: 'Editor', reviewer: 'Reviewer', operator: 'Operator', auditor: 'Auditor' },
    groups: { campaign: 'Campaigns', account: 'Official account', content: 'Content', mini: 'Mini-program', system: 'System' },
    purpose: 'Sign in to run campaigns, replies and reviews', again: 'Your session has ended. Sign in to come back to this page, with everything that you typed.', opening: 'Opening…', retry: 'Try again', notOpened: 'The console did not open. Try again',
    ending: (minutes) => `Your session ends in ${minutes} min`, endingHint: 'Sign in again now; what you are doing stays.', signInNow: 'Sign in again',
    denied: 'This page is not for your role', deniedHint: (roles) => `Roles that may open it: ${roles}. Ask an admin.`, lost: 'There is no such page', lostHint: 'The address may be wrong, or the page was renamed.', home: 'Back to campaigns',
    newer: 'The console was just updated', newerHint: 'Reload to go on.', reload: 'Reload', keys: { search: 'Search', help: 'Show this help', close: 'Close the dialog' }, skip: 'Skip to content', account: 'Account', noAccount: 'No account of this kind',
    noAccountHint: 'An admin has to set AppID and secrets and restart.', requestId: 'Request', loadMore: 'Load more', reading: 'Reading…', end: 'That is all',
  },
)
