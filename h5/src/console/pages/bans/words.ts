import { both } from '../../frame/words'

export const words = both(
  {
    title: '禁言', hint: '只禁止写自己的话：敬礼照常计入，现成寄语仍可选择。在内容的详情里禁言作者；到期自动解除。', list: '禁言名单', none: '没有禁言', teach: '从“内容审核”或“公开内容”打开一条内容的详情，可以禁言它的作者。', noCampaign: '还没有活动', which: '范围', here: '本活动', everywhere: '所有活动',
    who: '市民', reason: '原因', until: '期限', by: '处理人', state: '状态', do: '操作', forGood: '长期', holds: '生效中', ended: '已到期', lifted: (who: string) => `已由 ${who} 解除`, appeal: '申诉记录', note: '记申诉', noteTitle: '申诉与处理意见', noteHint: '写明市民说了什么、怎么处理。每次记录都进审计日志。', lift: '同时解除禁言', save: '保存', cancel: '取消', saved: '已记下', liftedNow: '已解除', scopeAll: '所有活动',
  },
  {
    title: 'Bans', hint: 'Own words alone: salutes count and presets stay. The writer of an item is banned from its details; a ban ends by itself.', list: 'Bans', none: 'Nobody is banned', teach: 'Open the details of an item on the page of review or of what is public to ban its writer.', noCampaign: 'No campaigns yet', which: 'Where', here: 'This campaign', everywhere: 'All campaigns',
    who: 'Citizen', reason: 'Reason', until: 'Until', by: 'By', state: 'State', do: 'Actions', forGood: 'for good', holds: 'In force', ended: 'Ended', lifted: (who) => `Lifted by ${who}`, appeal: 'Appeal', note: 'Note an appeal', noteTitle: 'What she said and what came of it', noteHint: 'Each note goes into the audit log.', lift: 'Lift the ban too', save: 'Save', cancel: 'Cancel', saved: 'Noted', liftedNow: 'Lifted', scopeAll: 'All campaigns',
  },
)
