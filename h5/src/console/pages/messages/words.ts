import { both } from '../../frame/words'

const minutes = (seconds: number, day: string, hour: string, minute: string) =>
  seconds >= 86_400 ? `${Math.floor(seconds / 86_400)} ${day}` : seconds >= 3600 ? `${Math.floor(seconds / 3600)} ${hour}` : `${Math.max(1, Math.round(seconds / 60))} ${minute}`

export const words = both(
  {
    title: '内容审核', hintPhone: '最早的在前；5 秒内可以撤销。', hint: 'J / K 上下，A 通过，R 退回，Z 撤销，X 选择，O 详情，? 看全部按键。', campaign: '活动', kind: '类别', kinds: '全部类别', list: '列表',
    lists: { waiting: '待审', second: '复看', 'machine:block': '机审拦截', 'machine:review': '机审建议复核', 'machine:unchecked': '没有机审结果', 'machine:pass': '机审通过', decided: '处理记录' } as Record<string, string>,
    waiting: (n: string) => `${n} 条待审`, oldest: (seconds: number) => `最长等了 ${minutes(seconds, '天', '小时', '分钟')}`, secondCount: (n: number) => `${n} 条待复看`, complaintCount: (n: number) => `${n} 件举报待答复`, refresh: '刷新',
    none: '没有等待处理的内容', noneTeach: '市民自己写的话、姓名和照片先到这里，通过后才公开；现成的寄语不需要审核。', noneDecided: '还没有处理记录', noneDecidedTeach: '通过、退回和撤下的内容会列在这里。', noneSecond: '没有需要您复看的内容', noneSecondTeach: '按比例抽取已通过的内容，由另一位审核员再看一遍；您自己通过的不会给您。', noCampaign: '还没有活动',
    approve: '通过', reject: '退回', stands: '可以公开', reverse: '撤下', undo: '撤销', details: '详情', select: '选择', selectPage: '全选本页', selected: (n: number) => `已选 ${n} 条`, approveMany: '通过所选', rejectMany: '退回所选',
    hits: '命中', known: {} as Record<string, string>, block: '禁用词', review: '留意词', heldBy: (who: string) => `${who} 正在看`, hidden: '因举报先行隐藏', reports: (n: number) => `被举报 ${n} 次`, preset: '现成寄语',
    approved: (what: string) => `已通过：${what}`, rejected: (what: string) => `已退回：${what}`, many: (n: number) => `${n} 条`, later: '5 秒后生效，离开本页立即生效。', someFailed: (n: number, why: string) => `${n} 条没有处理：${why}`,
    why: '退回的原因', whyHint: '市民会看到这条原因。', whyDown: '撤下的原因', ownWords: '其他（写明原因）', ownHint: '写给市民看，最长 200 字', cancel: '取消', needWhy: '请选一条原因，或写明原因',
    paused: (why: string) => `已改为只用现成寄语：${why}`, pausedTeach: '市民页面已说明。待审降到界限以下会自动恢复；手动切换的要手动恢复。', resume: '恢复自己写', pause: '先只用现成寄语', resumed: '已恢复，一小时内不再自动切换', pausedNow: '已改为只用现成寄语', kept: (until: string) => `已手动恢复自己写，${until} 前不自动切换`,
    keys: { next: '下一条', back: '上一条', approve: '通过这一条', reject: '退回这一条', undo: '撤销上一次决定', select: '选择或取消选择', details: '看详情' }, label: '等待处理的内容', result: '结果', by: '处理人',
    life: '经过', alike: '相同或相近的内容', noAlike: '没有相近的内容', takeDown: '撤下', downAll: '一并撤下', down: (n: number) => `已撤下 ${n} 条`, ban: '禁言作者', source: '申请来源记录', caseZip: '导出事件包', casePrint: '打印事件包', facts: '内容', state: '状态', reason: '原因', machine: '机审',
    banTitle: '禁止作者再写自己的话', banHint: '敬礼照常计入，现成寄语仍可选择。市民会看到原因和期限。', banFor: '期限', banDays: { '7': '7 天', '30': '30 天', '180': '180 天', '0': '长期' } as Record<string, string>, banEverywhere: '所有活动都禁止', banned: '已禁言', banWhy: '禁言的原因',
    sourceTitle: '申请查看来源记录', sourceHint: '须由另一位管理员或审计人员同意，同意后半小时内由你们两人查看；每次查看都记入审计日志。', sourceWhy: '为什么要查看', asked: '已申请，请另一位管理员或审计人员在“来源记录”页同意', send: '提交', number: '编号',
  },
  {
    title: 'Review', hintPhone: 'Oldest first; five seconds to undo.', hint: 'J / K to move, A approves, R rejects, Z undoes, X selects, O opens, ? lists all keys.', campaign: 'Campaign', kind: 'Kind', kinds: 'All kinds', list: 'List',
    lists: { waiting: 'Waiting', second: 'Second look', 'machine:block': 'Blocked by machine', 'machine:review': 'Machine says: look', 'machine:unchecked': 'Not checked', 'machine:pass': 'Passed by machine', decided: 'Decided' },
    waiting: (n) => `${n} waiting`, oldest: (seconds) => `oldest for ${minutes(seconds, 'd', 'h', 'min')}`, secondCount: (n) => `${n} for a second look`, complaintCount: (n) => `${n} reports to answer`, refresh: 'Refresh',
    none: 'Nothing waits', noneTeach: 'What citizens write or take themselves comes here first and shows once approved; ready-made messages need no review.', noneDecided: 'Nothing was decided yet', noneDecidedTeach: 'What was approved, returned or taken down is listed here.', noneSecond: 'Nothing for a second look', noneSecondTeach: 'A share of what was approved comes to another reviewer; never what you approved yourself.', noCampaign: 'No campaigns yet',
    approve: 'Approve', reject: 'Reject', stands: 'Let it stand', reverse: 'Take down', undo: 'Undo', details: 'Details', select: 'Select', selectPage: 'Select the page', selected: (n) => `${n} selected`, approveMany: 'Approve them', rejectMany: 'Reject them',
    hits: 'Words found', known: { 疑似个人信息: "Perhaps somebody's number" }, block: 'blocked', review: 'look', heldBy: (who) => `${who} looks at it`, hidden: 'Hidden by reports', reports: (n) => `reported ${n} times`, preset: 'Ready-made',
    approved: (what) => `Approved: ${what}`, rejected: (what) => `Rejected: ${what}`, many: (n) => `${n} items`, later: 'Takes effect in 5 seconds, or when you leave this page.', someFailed: (n, why) => `${n} not decided: ${why}`,
    why: 'Why it is rejected', whyHint: 'The citizen reads this.', whyDown: 'Why it comes down', ownWords: 'Other (say why)', ownHint: 'For the citizen, 200 characters at most', cancel: 'Cancel', needWhy: 'Choose a reason, or say why',
    paused: (why) => `Presets only: ${why}`, pausedTeach: 'The page says so. Own words come back by themselves below the lower mark; what was switched by hand comes back by hand.', resume: 'Own words again', pause: 'Presets only for now', resumed: 'Own words are back, and stay for an hour', pausedNow: 'Presets only', kept: (until) => `Own words kept on by hand until ${until}`,
    keys: { next: 'Next', back: 'Back', approve: 'Approve this one', reject: 'Reject this one', undo: 'Undo the last verdict', select: 'Select or not', details: 'Details' }, label: 'What waits', result: 'Result', by: 'By',
    life: 'Its life', alike: 'The same or nearly so', noAlike: 'Nothing like it', takeDown: 'Take down', downAll: 'Take all down', down: (n) => `${n} taken down`, ban: 'Ban the writer', source: 'Ask for the source', caseZip: 'Export the case', casePrint: 'Print the case', facts: 'What it says', state: 'State', reason: 'Reason', machine: 'Machine',
    banTitle: 'The writer may write no more', banHint: 'Salutes count as before and presets stay. She reads the reason and until when.', banFor: 'For', banDays: { '7': '7 days', '30': '30 days', '180': '180 days', '0': 'Good' }, banEverywhere: 'In all campaigns', banned: 'Banned', banWhy: 'Why',
    sourceTitle: 'Ask for the source record', sourceHint: 'Another admin or an auditor has to consent; then the two of you see it for half an hour. Each look is in the audit log.', sourceWhy: 'What for', asked: 'Asked. Another admin or an auditor consents on the page of source records', send: 'Send', number: 'Number',
  },
)
