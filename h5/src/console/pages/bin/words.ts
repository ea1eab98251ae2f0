import { both } from '../../frame/words'

export const words = both(
  { title: '回收站', hint: '没有发布过的活动放进这里，30 天后连同草稿、区县和单位一起清除。', campaign: '活动', code: '代码', binned: '放入时间', left: '剩余', days: (n: number) => (n > 0 ? `${n} 天` : '不到一天'), recover: '恢复', recovered: '已恢复为草稿', none: '回收站是空的', noneTeach: '在活动的“草稿”一页可以把没有发布过的活动放进来，放错了随时恢复。' },
  { title: 'Recycle bin', hint: 'Campaigns that were never public. After 30 days they go for good, with their drafts and places.', campaign: 'Campaign', code: 'Code', binned: 'Thrown away', left: 'Left', days: (n) => (n > 0 ? `${n} days` : 'less than a day'), recover: 'Recover', recovered: 'It is a draft again', none: 'The recycle bin is empty', noneTeach: 'A campaign that was never public can be put here from its Draft page, and taken out again.' },
)
