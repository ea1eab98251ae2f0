import { both } from '../../frame/words'

export const words = both(
  {
    title: '审计日志', hint: '谁在什么时候做了什么，最新的在前。任何人都不能修改或删除。', list: '审计日志', at: '时间', who: '账号', action: '动作', subject: '对象', origin: '来源', do: '操作', look: '详情', since: '从（含）', until: '到（不含）', anyAction: '全部动作', subjectHint: '对象，如活动的 slug', clear: '清除筛选',
    none: '还没有记录', noneTeach: '工作人员登录或改动任何内容后，会出现在这里。', noneFound: '没有符合条件的记录', noneFoundTeach: '账号与对象须完整一致；请放宽条件或时间。', noneYet: '看过的部分里没有符合条件的记录', noneYetTeach: '条件较多时分段查找；可以继续加载，或缩小时间范围。',
    seq: '序号', role: '角色', detail: '内容', field: '内容', before: '修改前', after: '修改后', noChange: '这次操作没有修改前后的对比。', empty: '（空）', hash: '校验值', hashHint: '每一条都含上一条的校验值，改动任何一条都会被发现。', onlyWho: '只看这个账号', onlySubject: '只看这个对象', wrongTimes: '开始时间要早于结束时间',
    download: '导出表格', downloadHint: '按当前条件导出，最新的在前，至多十万行。导出本身也会记录。', downloaded: '已导出',
  },
  {
    title: 'Audit log', hint: 'Who did what and when, newest first. Nobody can change or delete any of it.', list: 'Audit log', at: 'When', who: 'Account', action: 'Action', subject: 'Subject', origin: 'From', do: 'Actions', look: 'Details', since: 'From', until: 'Before', anyAction: 'Every action', subjectHint: 'Subject, such as the slug of a campaign', clear: 'Clear filters',
    none: 'Nothing yet', noneTeach: 'Whenever somebody signs in or changes anything it shows here.', noneFound: 'Nothing matches', noneFoundTeach: 'Account and subject have to be whole. Ask for less, or for a longer time.', noneYet: 'Nothing matches so far', noneYetTeach: 'Several conditions are looked for part by part. Load more, or choose a shorter time.',
    seq: 'Number', role: 'Role', detail: 'Details', field: 'Field', before: 'Before', after: 'After', noChange: 'There is no before and after of this.', empty: '(empty)', hash: 'Proof', hashHint: 'Each entry holds the proof of the one before, so that any change is found out.', onlyWho: 'This account alone', onlySubject: 'This subject alone', wrongTimes: 'The first time has to be before the second',
    download: 'Export as a table', downloadHint: 'With these filters, newest first, at most 100,000 rows. The export is logged too.', downloaded: 'Exported',
  },
)
