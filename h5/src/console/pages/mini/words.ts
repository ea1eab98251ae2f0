import { both } from '../../frame/words'

export const words = both(
  {
    title: '小程序码与链接', hint: '每处一码，扫码人数分开统计；链接用于短信、邮件和网页。', show: '显示', tabs: { codes: '小程序码', links: '链接' } as Record<string, string>, name: '名称', scene: '场景值', page: '页面', made: '生成', expires: '有效期', until: (when: string) => `至 ${when}`, kind: '种类', kinds: { url_link: 'URL Link（短信、邮件、网页）', url_scheme: 'URL Scheme（外部浏览器）', short_link: '短链（微信内，仅电商类目）' } as Record<string, string>, do: '操作', look: '详情', copy: '复制', newCode: '新小程序码', newLink: '新链接',
    noneCodes: '还没有小程序码', noneCodesTeach: '页面要已发布。长参数由系统换成短场景值，小程序进入时再换回来。', noneLinks: '还没有链接', noneLinksTeach: '链接最长 30 天有效；同一目标还有一天以上有效时，给出原来的。', nameHint: '挂在哪里', pageHint: '如 pages/index/index?school=12', sceneHint: '不填则自动生成', days: '天数', make: '生成', cancel: '取消', done: '已生成', needName: '请填写名称', needPage: '请填写页面', width: '宽度', pixels: (n: number) => `${n} 像素`, download: '下载图片', byDay: '每天扫码进入', list: '列表',
  },
  {
    title: 'Mini-program codes and links', hint: 'One code for each place, counted by itself; links are for texts, mails and pages.', show: 'Show', tabs: { codes: 'Codes', links: 'Links' }, name: 'Name', scene: 'Scene', page: 'Page', made: 'Made', expires: 'Lasts', until: (when) => `until ${when}`, kind: 'Kind', kinds: { url_link: 'URL Link (texts, mails, pages)', url_scheme: 'URL Scheme (other browsers)', short_link: 'Short link (inside WeChat, shops only)' }, do: 'Actions', look: 'Details', copy: 'Copy', newCode: 'New code', newLink: 'New link',
    noneCodes: 'No codes yet', noneCodesTeach: 'The page must be released. Long parameters become a short scene and come back when the mini-program opens.', noneLinks: 'No links yet', noneLinksTeach: 'Links last 30 days at most; one that lasts another day is given again.', nameHint: 'Where it hangs', pageHint: 'Such as pages/index/index?school=12', sceneHint: 'Empty: one is made', days: 'Days', make: 'Make', cancel: 'Cancel', done: 'Made', needName: 'Fill in a name', needPage: 'Fill in a page', width: 'Width', pixels: (n) => `${n} pixels`, download: 'Download picture', byDay: 'Scanned on each day', list: 'List',
  },
)
