import { both } from '../../frame/words'

export const words = both(
  {
    title: '公开内容', hint: '按看起来的样子搜索：繁简、全半角、夹空格的都能找到。撤下后两秒内从墙、大屏、海报和缓存里消失。', search: '搜索公开的内容', find: '搜索', none: '没有公开的内容', noneFound: '没有找到', teach: '通过审核的内容和现成寄语会出现在这里。', noCampaign: '还没有活动',
    down: '撤下', downMany: (n: number) => `撤下所选 ${n} 条`, details: '详情与相近内容', done: (n: number) => `已撤下 ${n} 条`, why: '撤下的原因', whyHint: '写的人会看到这条原因。', more: '继续找更早的', list: '公开的内容', select: '选择', selectPage: '全选本页', failed: (n: number, why: string) => `${n} 条没有撤下：${why}`, page: '看市民的寄语墙',
  },
  {
    title: 'Public', hint: 'Search as it is read: traditional or simplified, any width, with spaces between. What you take down is gone from wall, screens, posters and caches within two seconds.', search: 'Search what is public', find: 'Search', none: 'Nothing is public', noneFound: 'Nothing found', teach: 'What was approved and ready-made messages stand here.', noCampaign: 'No campaigns yet',
    down: 'Take down', downMany: (n) => `Take ${n} down`, details: 'Details and near-duplicates', done: (n) => `${n} taken down`, why: 'Why it comes down', whyHint: 'The writer reads this.', more: 'Look further back', list: 'What is public', select: 'Select', selectPage: 'Select the page', failed: (n, why) => `${n} not taken down: ${why}`, page: "See the citizens' wall",
  },
)
