import { both } from '../../frame/words'

export const words = both(
  {
    title: '二维码与短链', hint: '一处一码：海报、学校、窗口各用各的，就知道人从哪里来。', tabs: { scenes: '场景二维码', links: '短链接' } as Record<string, string>, show: '显示', find: '按名称筛选',
    name: '名称', scene: '场景值', expires: '有效期', forever: '永久', until: (when: string) => `至 ${when}`, look: '详情', download: '下载图片', newScene: '新二维码', newLink: '新短链接', make: '生成', made: '已生成', close: '关闭',
    nameHint: '挂在哪里，如“市图书馆大厅”', sceneHint: '字母、数字、_ 或 -，如 library-hall', lasting: '有效期', permanent: '永久（每个账号共 10 万个）', temporary: '临时', days: '天数', daysHint: (n: number) => `1 至 ${n} 天`, wrongScene: '场景值为 1 至 64 个字母、数字、_ 或 -', wrongName: '请填写名称',
    noneScenes: '还没有场景二维码', noneScenesTeach: '扫码即关注或进入公众号，每个码单独统计。先为一处海报生成一个。', noneLinks: '还没有短链接', noneLinksTeach: '印出去的短链接以后可以改指到别的页面，已经印出的不作废。', byDay: '每天使用次数', path: '指向', point: '改指', pointed: '已改指', pathHint: '本站页面，如 /c/salute-the-flag', copy: '复制链接', link: '短链接', cancel: '取消', code: '代码', list: '列表', unnamed: '海报自带', rename: '改名', renamed: '已改名', remove: '删除', removed: '已删除', removeAsk: (name: string) => `删除“${name}”后，印出去的这个码就打不开了，不能恢复。`,
  },
  {
    title: 'QR codes and links', hint: 'One code for each place tells where people come from.', tabs: { scenes: 'QR codes', links: 'Short links' }, show: 'Show', find: 'Filter by name',
    name: 'Name', scene: 'Scene', expires: 'Lasts', forever: 'for ever', until: (when) => `until ${when}`, look: 'Details', download: 'Download picture', newScene: 'New QR code', newLink: 'New short link', make: 'Make', made: 'Made', close: 'Close',
    nameHint: 'Where it hangs, such as "library hall"', sceneHint: 'Letters, digits, _ or -, such as library-hall', lasting: 'Lasts', permanent: 'For ever (100,000 for an account)', temporary: 'For some days', days: 'Days', daysHint: (n) => `1 to ${n} days`, wrongScene: 'A scene is 1 to 64 letters, digits, _ or -', wrongName: 'Fill in a name',
    noneScenes: 'No QR codes yet', noneScenesTeach: 'Who scans one follows or enters the account, and each is counted by itself. Make the first for a poster.', noneLinks: 'No short links yet', noneLinksTeach: 'A printed short link can be led to another page later.', byDay: 'Used on each day', path: 'Leads to', point: 'Lead elsewhere', pointed: 'It leads there now', pathHint: 'A page of this site, such as /c/salute-the-flag', copy: 'Copy link', link: 'Short link', cancel: 'Cancel', code: 'Code', list: 'List', unnamed: 'Posters', rename: 'Rename', renamed: 'Renamed', remove: 'Delete', removed: 'Deleted', removeAsk: (name) => `Once "${name}" is deleted, printed codes of it open nothing. This cannot be undone.`,
  },
)
