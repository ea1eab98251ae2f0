import { both } from '../../frame/words'

export const words = both(
  {
    title: '值班', hint: '值班时看到的、做过的、要交代的，记在曲线旁边。只能添加，不能修改。', noCampaign: '还没有活动', noCampaignTeach: '先建立活动，再记值班日志。',
    day: '日期', today: '今天', csv: '导出表格', text: '导出文字',
    curve: '每分钟新增', byHour: '每小时新增', noCurve: '这一天还没有人参与，或没有留下曲线。', highest: (n: string, when: string) => `最高 ${n} 人（${when}）`, hour: '时段', people: '新增人数', total: (n: string) => `共 ${n} 人`, perHour: (h: number, n: string, marks: number) => `${h} 时 ${n} 人${marks ? `，${marks} 条记录` : ''}`,
    kinds: { note: '记事', incident: '突发', handover: '交班', correction: '更正', acknowledgement: '接班', switch: '开关与状态', milestone: '里程碑', bulletin: '战报' } as Record<string, string>, all: '全部', show: '显示',
    write: '记一条', kind: '类别', placeholder: { note: '例如：8 点整开场，页面与大屏正常', incident: '发生了什么、从几点到几点、怎么处理的', handover: '还有什么没办完，接班后要留意什么' } as Record<string, string>, to: '接班人', choose: '请选择', nobody: '没有其他能值守这个活动的账号，请管理员添加。', needTo: '请选择接班人', needText: '请写内容', save: '记下', saved: '已记入值班日志', noPersonal: '不要写市民的姓名、电话等个人信息。',
    suspected: '像是有手机号、身份证号或微信标识', suspectedText: '值班日志不能修改和删除。市民的个人信息请删去；如果是公开的工作电话，可以继续。', goOn: '是工作电话，记下', back: '返回修改',
    open: (from: string, to: string) => `${from} 交班给 ${to}，还没有人确认`, take: '确认接班', taken: '已确认接班', takenBy: (who: string, when: string) => `${who} 于 ${when} 接班`, waits: (to: string) => `等待 ${to} 接班`, handedTo: (to: string) => `交给 ${to}`,
    list: '值班记录', none: '这一天还没有记录', noneTeach: '开场、异常、处置、交班，随手记一条。', correct: '更正', correctHint: '原来的文字会保留，更正写在它下面。', correction: '更正内容', corrected: '更正', cancel: '取消', more: '显示更多', jump: (kind: string, when: string) => `${when} ${kind}`, system: '系统',
  },
  {
    title: 'Duty log', hint: 'What was seen, done and handed over, beside the curve. Entries are added and never changed.', noCampaign: 'No campaigns yet', noCampaignTeach: 'Create a campaign first.',
    day: 'Day', today: 'Today', csv: 'Export a table', text: 'Export a text',
    curve: 'New each minute', byHour: 'New each hour', noCurve: 'Nobody took part on this day, or no curve was kept.', highest: (n, when) => `Highest ${n} (${when})`, hour: 'Hour', people: 'New participants', total: (n) => `${n} in all`, perHour: (h, n, marks) => `${h}:00 ${n}${marks ? `, ${marks} entries` : ''}`,
    kinds: { note: 'Note', incident: 'Incident', handover: 'Handover', correction: 'Correction', acknowledgement: 'Taken over', switch: 'Switch or state', milestone: 'Milestone', bulletin: 'Bulletin' }, all: 'All', show: 'Show',
    write: 'New entry', kind: 'Kind', placeholder: { note: 'Such as: opened at 8 sharp, pages and wall are fine', incident: 'What happened, from when until when, what was done', handover: 'What is still open, what to watch' }, to: 'To', choose: 'Choose', nobody: 'Nobody else may watch this campaign. An admin can add somebody.', needTo: 'Choose who takes over', needText: 'Write something', save: 'Write down', saved: 'Written down', noPersonal: 'No names, numbers or other personal data of citizens.',
    suspected: 'There may be a person’s number in it', suspectedText: 'The log can never be changed. Take out what belongs to a citizen; a public telephone of an office may stand.', goOn: 'It is an office’s number', back: 'Back',
    open: (from, to) => `${from} hands over to ${to}; nobody has taken over yet`, take: 'Take over', taken: 'Taken over', takenBy: (who, when) => `${who} took over at ${when}`, waits: (to) => `Waits for ${to}`, handedTo: (to) => `to ${to}`,
    list: 'Entries', none: 'No entries on this day', noneTeach: 'The opening, what went wrong, what was done, handovers.', correct: 'Correct', correctHint: 'The old words stay; the correction stands below them.', correction: 'Correction', corrected: 'Correction', cancel: 'Cancel', more: 'Show more', jump: (kind, when) => `${when} ${kind}`, system: 'system',
  },
)
