import { both } from '../../frame/words'

export const words = both(
  {
    title: '活动', make: '新建活动', hint: '每个活动的状态与实时人数，每 5 秒更新。', filter: '按名称筛选', state: '状态', all: '全部状态', demo: '演示', rehearsal: '演练', people: '人', page: '活动页', wall: '大屏',
    stale: (when: string) => `数字暂未更新，截至 ${when}`, until: '至', none: '还没有活动', noneTeach: '点“新建活动”，从模板开始。', noMatch: '没有符合条件的活动', clear: '清除条件', notFresh: '列表没有更新，正在重试',
  },
  {
    title: 'Campaigns', make: 'New campaign', hint: 'State and live figure of each campaign, fresh every 5 seconds.', filter: 'Filter by name', state: 'State', all: 'Any state', demo: 'Demo', rehearsal: 'Rehearsal', people: 'people', page: 'Page', wall: 'Wall',
    stale: (when) => `Not fresh, as of ${when}`, until: 'to', none: 'No campaigns yet', noneTeach: 'Begin with a new campaign, from a template.', noMatch: 'No campaign matches', clear: 'Clear the filter', notFresh: 'The list is not fresh; trying again',
  },
)
