import { both } from '../../frame/words'

export const words = both(
  {
    title: '举报', hint: '等得最久的在前。不显示举报人；举报再多也不会自动隐藏，除非审核规则里设了人数。', list: '举报', none: '没有等待答复的举报', teach: '市民在寄语墙上举报时必须选择原因，答复会显示在“我的寄语与举报”里。', noneAll: '还没有举报', noCampaign: '还没有活动', which: '显示', open: '待答复', all: '全部',
    count: (n: number) => `${n} 人举报`, since: (when: string) => `最早 ${when}`, gone: '内容已被市民删除', uphold: '成立，撤下', dismiss: '不成立，保留', details: '详情', answer: '答复', answered: (who: string, when: string) => `${who} ${when} 答复`, upheld: '成立', dismissed: '不成立',
    titleUphold: '举报成立，撤下这条内容', titleDismiss: '举报不成立，保留这条内容', answerLabel: '给举报人的答复', answerHint: '所有举报过这一条的市民都会看到。', upholdText: '经核实，举报成立，内容已撤下。感谢您的监督。', dismissText: '经核实，内容没有违反规定，予以保留。感谢您的监督。', send: '提交', cancel: '取消', sent: '已答复',
  },
  {
    title: 'Reports', hint: 'The longest waiting first. Who reported is not shown; reports alone hide nothing unless the rules of review name a number.', list: 'Reports', none: 'Nothing to answer', teach: 'A citizen who reports something on the wall says why; she reads the answer on her own page.', noneAll: 'No reports yet', noCampaign: 'No campaigns yet', which: 'Show', open: 'To answer', all: 'All',
    count: (n) => `reported by ${n}`, since: (when) => `first ${when}`, gone: 'Deleted by the citizen', uphold: 'Right, take down', dismiss: 'Keep it', details: 'Details', answer: 'Answer', answered: (who, when) => `${who}, ${when}`, upheld: 'Upheld', dismissed: 'Not upheld',
    titleUphold: 'It comes down', titleDismiss: 'It stays', answerLabel: 'Answer to whoever reported it', answerHint: 'Everybody who reported this reads it.', upholdText: '经核实，举报成立，内容已撤下。感谢您的监督。', dismissText: '经核实，内容没有违反规定，予以保留。感谢您的监督。', send: 'Send', cancel: 'Cancel', sent: 'Answered',
  },
)
