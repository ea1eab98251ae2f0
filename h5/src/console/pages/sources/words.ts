import { both } from '../../frame/words'

export const words = both(
  {
    title: '来源记录', hint: '谁写的、从哪里写的，封存 180 天。一人写明原因申请，另一位管理员或审计人员同意后，由两人在半小时内查看；每次查看都记入审计日志。', list: '查看申请', none: '没有查看申请', teach: '在内容的详情里申请；市民已删除的，在这里填编号申请。', noCampaign: '还没有活动', reason: '原因', item: '内容编号', asked: '申请', state: '状态', do: '操作', decided: (who: string) => `${who} 处理`, until: (when: string) => `${when} 前可查看`,
    consent: '同意', refuse: '不同意', sure: (who: string, why: string) => `${who} 申请查看来源记录，原因：${why}。同意后你们两人可在半小时内查看，您的名字进入审计日志，不能撤回。`, sureRefuse: (who: string) => `不同意 ${who} 的申请？不能撤回。`, consented: '已同意', refusedNow: '已拒绝', cancel: '取消', open: '查看', record: '来源记录', shut: '关闭', citizen: '市民编号', identities: '微信身份（散列）', address: '地址', agent: '浏览器', request: '请求编号', at: '时间', digest: '内容摘要',
    ask: '按编号申请', askTitle: '按编号申请查看来源记录', number: '内容编号（32 位）', kind: '类别', why: '为什么要查看', send: '提交', sent: '已申请，等待另一位管理员或审计人员同意', closes: '关闭后如在时限内可再次查看，每次都会记录。',
  },
  {
    title: 'Source records', hint: 'Who wrote it and from where, sealed for 180 days. One asks and says why; once another admin or an auditor consents, the two of them see it for half an hour. Each look is in the audit log.', list: 'Requests', none: 'Nobody asked', teach: 'Ask from the details of an item; where the citizen deleted it, ask here by its number.', noCampaign: 'No campaigns yet', reason: 'For', item: 'Item', asked: 'Asked', state: 'State', do: 'Actions', decided: (who) => `decided by ${who}`, until: (when) => `open until ${when}`,
    consent: 'Consent', refuse: 'Refuse', sure: (who, why) => `${who} asks to see a source record, for: ${why}. The two of you may see it for half an hour; your name goes into the audit log. This cannot be undone.`, sureRefuse: (who) => `Refuse the request of ${who}? It cannot be undone.`, consented: 'Consented', refusedNow: 'Refused', cancel: 'Cancel', open: 'Look', record: 'Source record', shut: 'Close', citizen: 'Citizen number', identities: 'Identities (hashed)', address: 'Address', agent: 'Browser', request: 'Request', at: 'Time', digest: 'Digest of the text',
    ask: 'Ask by number', askTitle: 'Ask for a source record by number', number: 'Number of the item (32 characters)', kind: 'Kind', why: 'What for', send: 'Send', sent: 'Asked. It waits for another admin or an auditor', closes: 'You may look again while it is open; each look is noted.',
  },
)
