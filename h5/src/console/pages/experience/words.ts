import { both } from '../../frame/words'

export const words = both(
  {
    title: '真实体验', hint: '随机抽取的少数页面离开时报来的快慢，不含任何人。数字是四分之三的访问都不超过的值。',
    days: '时间', lastDays: (n: number) => (n === 1 ? '今天' : `最近 ${n} 天`), pages: '上报页面', broken: '出错的页面', brokenGood: '1% 以下为好，5% 以上为差', brokenMeans: '页面的脚本出过错。突然增多，多半是刚更新或刚改了页面。',
    byDevice: '按机型', byRegion: '按区县', byDay: '按日', device: '机型', region: '区县', day: '日期', seconds: '秒', milliseconds: '毫秒',
    states: { good: '好', fair: '一般', poor: '差', few: '样本少', none: '测不到' },
    measures: { lcp: '主要内容出现', ready: '可以操作', inp: '点按后的反应', cls: '画面跳动' },
    means: {
      lcp: '从打开到看见国旗等主要内容。慢多半是图片太大或网络差。', ready: '从打开到按钮能用。慢多半是脚本没有走 CDN，或手机太旧。',
      inp: '点一下到画面有变化。慢多半是手机太旧，或页面加了太多内容。', cls: '内容自己移位的程度。大多半是图片没有写尺寸。',
    },
    upTo: (good: string, poor: string) => `${good} 以内为好，超过 ${poor} 为差`.replace(/秒 /g, '秒'), told: (n: string) => `${n} 个页面能测`, cannot: '这些手机的浏览器测不到',
    none: '还没有页面上报', noneTeach: '默认每 100 个页面有 1 个上报（WENMING_EXPERIENCE_SHARE），离开页面时才送出，几秒后出现在这里。',
    few: (n: number) => `不足 ${n} 个页面的不下结论。`, ios: '苹果手机的旧系统只能测“可以操作”与出错。', noCampaign: '还没有活动', noCampaignTeach: '有活动公开以后，这里才有数字。',
  },
  {
    title: 'Real users', hint: 'What a few pages, drawn by lot, tell when they are left; nobody is in it. Three visits of four stay within the figure.',
    days: 'Time', lastDays: (n) => (n === 1 ? 'Today' : `Last ${n} days`), pages: 'Pages that told', broken: 'Pages with errors', brokenGood: 'good below 1%, poor from 5%', brokenMeans: 'A script of the page failed. Suddenly many: after an update, or a change of the page.',
    byDevice: 'By device', byRegion: 'By district', byDay: 'By day', device: 'Device', region: 'District', day: 'Day', seconds: 's', milliseconds: 'ms',
    states: { good: 'good', fair: 'fair', poor: 'poor', few: 'too few', none: 'not measured' },
    measures: { lcp: 'Main content shown', ready: 'Ready to use', inp: 'Answer to a tap', cls: 'Jumping' },
    means: {
      lcp: 'From opening to seeing the flag. Slow: large pictures or a weak network.', ready: 'From opening until buttons work. Slow: scripts without a CDN, or an old phone.',
      inp: 'From a tap until something changes. Slow: an old phone, or too much on the page.', cls: 'How much the content moves by itself. Much: pictures without a size.',
    },
    upTo: (good, poor) => `good up to ${good}, poor past ${poor}`, told: (n) => `${n} pages could tell`, cannot: 'browsers of these phones cannot tell',
    none: 'No page has told yet', noneTeach: 'One page in a hundred tells unless WENMING_EXPERIENCE_SHARE says otherwise, when it is left; it appears here some seconds later.',
    few: (n) => `Nothing is concluded from fewer than ${n} pages.`, ios: 'Older iPhones can tell readiness and errors alone.', noCampaign: 'No campaign yet', noCampaignTeach: 'Figures come once a campaign is public.',
  },
)
