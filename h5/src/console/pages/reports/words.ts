import { both } from '../../frame/words'

export const words = both(
  {
    title: '报表', hint: '按编号存档的统计报表：生成后数字固定不变，有误时另出一份更正。', noCampaign: '还没有活动', noCampaignTeach: '先建立活动，再生成报表。', show: '内容', shows: { '': '报表', settings: '报表设置' } as Record<string, string>,
    list: '统计报表', number: '编号', days: '日期', state: '状态', states: { queued: '等待生成', counting: '正在统计', made: '已生成', failed: '未能生成' } as Record<string, string>, persons: '人数', times: '次数', at: '申请时间', by: '申请人', whole: '整个活动', range: (a: string, b: string) => `${a || '开始'} 至 ${b || '现在'}`, none: '还没有报表', noneTeach: '生成第一份：编号立即给出，数字在一两分钟内统计好。', corrected: '已被更正', daily: '每日',
    make: '生成报表', makeHint: '两天都包含在内；不填就是整个活动。', first: '开始日期', last: '结束日期', wrongOrder: '开始日期不能晚于结束日期', asked: (number: string) => `报表 ${number} 正在生成`, cancel: '取消',
    back: '全部报表', print: '打印页', download: '下载 XLSX', asOf: '统计截至', madeAt: '生成时间', persons2: '参与人数', times2: '参与次数', group: '集体上报人数', organisation: '填报单位', corrects: '更正', correctedBy: '更正为', reason: '更正原因', notes: '说明', waiting: '编号已给出，正在统计，本页会自动更新。', problem: '没有生成的原因', tables: '表', rows: (n: string) => `共 ${n} 行`, more: '显示更多', noRows: '这张表没有数据。',
    correct: '更正这份报表', correctHint: (number: string) => `将另外生成一份新编号的报表，并在 ${number} 上标明已被更正；这一步不能撤销。`, whatWrong: '哪里有误', needReason: '请写明原因', sameDays: '日期不填则与原报表相同。', doCorrect: '更正',
    settingsHint: '印在之后每一份报表上；已生成的报表不变。', filledBy: '填表人', reviewedBy: '审核人', responsible: '单位负责人', note: '口径补充', dailyAt: '每日生成时间', dailyHint: '每天到这个时间自动生成一份；不需要时留空。', zero: '列出无人参与的单位', save: '保存', saved: '报表设置已保存', onlyWriters: '编辑与值守可以修改。',
  },
  {
    title: 'Reports', hint: 'Numbered statistical reports. Their figures never change; a mistake is mended by another report.', noCampaign: 'No campaigns yet', noCampaignTeach: 'Create a campaign first.', show: 'Show', shows: { '': 'Reports', settings: 'Settings' },
    list: 'Reports', number: 'Number', days: 'Days', state: 'State', states: { queued: 'Waiting', counting: 'Being counted', made: 'Made', failed: 'Not made' }, persons: 'People', times: 'Times', at: 'Asked', by: 'By', whole: 'Whole campaign', range: (a, b) => `${a || 'start'} to ${b || 'now'}`, none: 'No reports yet', noneTeach: 'Make the first: it has its number at once and its figures within a minute or two.', corrected: 'corrected', daily: 'daily',
    make: 'Make a report', makeHint: 'Both days are within; leave them empty for the whole campaign.', first: 'First day', last: 'Last day', wrongOrder: 'The first day comes after the last', asked: (number) => `Report ${number} is being made`, cancel: 'Cancel',
    back: 'All reports', print: 'Page to print', download: 'Download XLSX', asOf: 'Counted until', madeAt: 'Made', persons2: 'Participants', times2: 'Participations', group: 'Reported by groups', organisation: 'Organisation', corrects: 'Corrects', correctedBy: 'Corrected by', reason: 'Reason', notes: 'Notes', waiting: 'It has its number and is being counted. This page follows by itself.', problem: 'Why it was not made', tables: 'Tables', rows: (n) => `${n} rows`, more: 'Show more', noRows: 'This table has no rows.',
    correct: 'Correct this report', correctHint: (number) => `A new report with a number of its own is made, and ${number} will say that it was corrected. This cannot be undone.`, whatWrong: 'What was wrong', needReason: 'Say why', sameDays: 'Without days it has those of the old one.', doCorrect: 'Correct',
    settingsHint: 'Stands on every report from now on; those that are made keep theirs.', filledBy: 'Filled in by', reviewedBy: 'Reviewed by', responsible: 'Responsible', note: 'Notes on the figures', dailyAt: 'Made each day at', dailyHint: 'A report is made each day at this time; leave it empty for none.', zero: 'List units without participants', save: 'Save', saved: 'Settings saved', onlyWriters: 'Editors and operators may change them.',
  },
)
