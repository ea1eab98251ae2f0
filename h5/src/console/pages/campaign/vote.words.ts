import { both } from '../../frame/words'

export const words = both(
  {
    title: '投票', hint: '按候选人的编号排列。没有任何人的选择，也不能导出。', ballots: (n: string) => `${n} 张选票`, papers: (n: string) => `纸质 ${n} 张`, asOf: (at: string) => `截至 ${at}`, none: '还没有选票', phone: '手机', paper: '纸质', total: '合计', candidate: '候选人',
    suspend: '暂停', withdraw: '退出', restore: '恢复', states: { suspended: '暂停投票', withdrawn: '已退出' } as Record<string, string>, why: '公开的原因', whyHint: '市民会看到这句话', doBar: (name: string, what: string) => `${name}：${what}`, barred: '候选人的状态已更改', needReason: '请写明原因',
    enter: '录入纸质选票', origin: '来自哪里', originHint: '社区、学校或投票点', reason: '说明', reasonHint: '为什么录入，如“社区设点投票，两人唱票”', sheets: '有效选票张数', votesOf: (name: string) => `${name} 的票数`, doEnter: '录入', entered: '已录入，等另一人同意后计入', list: '已录入的纸质选票', noPapers: '还没有录入过', voided: '已作废', doVoid: '作废', voidReason: '作废原因', voidDone: '已作废，不再计入', waits: '等待另一人同意', consent: '核对并同意', sureConsent: (sheets: string, votes: string, by: string) => `${by} 录入了 ${sheets} 张：${votes}。与唱票记录核对无误后同意，同意后立即计入票数。`, consented: '已同意，现在计入', consentedBy: '同意人', by: '由', more: '再看一些', cancel: '取消',
    audit: '核对票数', auditing: '重放全部选票，与票数比较', ok: (n: string) => `一致：${n} 张有效选票`, wrong: '不一致', voids: (n: number) => `作废 ${n} 张`, waiting: (n: number) => `还有 ${n} 张正在计入`,
    curve: '每分钟票数', curveHint: '最集中的几分钟，与当天中位数相比；用于发现刷票。作废在页面下方按序号办理。', times: (n: number) => `中位数的 ${n} 倍`, day: '日期', noCurve: '这一天没有选票', all: '全部选票', perMinute: (n: string) => `${n} 票`,
  },
  {
    title: 'Votes', hint: 'In the order of the candidates. Nobody\'s choice is here, nor in any export.', ballots: (n) => `${n} ballots`, papers: (n) => `${n} on paper`, asOf: (at) => `as of ${at}`, none: 'No ballots yet', phone: 'Phone', paper: 'Paper', total: 'Sum', candidate: 'Candidate',
    suspend: 'Suspend', withdraw: 'Withdraw', restore: 'Let in again', states: { suspended: 'Suspended', withdrawn: 'Withdrawn' }, why: 'Public reason', whyHint: 'Citizens read this', doBar: (name, what) => `${name}: ${what}`, barred: 'The candidate\'s standing was changed', needReason: 'Give a reason',
    enter: 'Enter paper ballots', origin: 'Where from', originHint: 'Community, school or polling place', reason: 'Note', reasonHint: 'Why they are entered', sheets: 'Valid sheets', votesOf: (name) => `Votes of ${name}`, doEnter: 'Enter', entered: 'Entered: it counts once somebody else consents', list: 'Paper ballots entered', noPapers: 'None so far', voided: 'Voided', doVoid: 'Void', voidReason: 'Why it is voided', voidDone: 'Voided: it counts no more', waits: 'Waits for a second person', consent: 'Check and consent', sureConsent: (sheets, votes, by) => `${by} entered ${sheets} sheets: ${votes}. Compare them with the record of the count; they are in the figures at once.`, consented: 'Consented: it counts now', consentedBy: 'consented by', by: 'by', more: 'More', cancel: 'Cancel',
    audit: 'Check the figures', auditing: 'Replays all ballots and compares', ok: (n) => `Agrees: ${n} valid ballots`, wrong: 'Does not agree', voids: (n) => `${n} voided`, waiting: (n) => `${n} on their way`,
    curve: 'Votes by minute', curveHint: 'The busiest minutes beside the day\'s median, to find bursts. Voiding is done below, by ordinal.', times: (n) => `${n} times the median`, day: 'Day', noCurve: 'No ballots on this day', all: 'All ballots', perMinute: (n) => `${n} votes`,
  },
)
