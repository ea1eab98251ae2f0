import { both } from '../../frame/words'

export const words = both(
  {
    title: '接口额度', hint: '每个接口今天还能调用多少次。快用完的在上面。', call: '接口', used: '已用', limit: '每日上限', remain: '剩余', state: '状态', fine: '正常', near: '将用完', shut: '已停用', unknown: (code: number) => `查不到（${code}）`, clear: '清零', clearText: (appid: string) => `清零每月只有 10 次，之后所有接口的今日次数重新计算。请输入 AppID ${appid} 确认。`, wrong: '与 AppID 不一致', cleared: '已清零', cancel: '取消', none: '没有额度信息', failed: '查一次失败的请求', rid: 'rid，如 61725984-6126f6f9-040f19c4', look: '查看', query: '参数', body: '请求', answer: '微信的应答', address: '来源地址', at: '时间', reach: '连通性', reachHint: '微信能否找到我们的回调地址，以及双方的地址。', check: '检查', list: '额度列表',
  },
  {
    title: 'Quotas', hint: 'How many calls are left today. Those nearly used up come first.', call: 'Call', used: 'Used', limit: 'A day', remain: 'Left', state: 'State', fine: 'Fine', near: 'Nearly used up', shut: 'Shut', unknown: (code) => `Not told (${code})`, clear: 'Clear', clearText: (appid) => `Ten clears a month; afterwards every call counts from nothing. Type the AppID ${appid} to confirm.`, wrong: 'That is not the AppID', cleared: 'Cleared', cancel: 'Cancel', none: 'Nothing known', failed: 'Look at a failed request', rid: 'rid, such as 61725984-6126f6f9-040f19c4', look: 'Look', query: 'Query', body: 'Request', answer: 'Answer of WeChat', address: 'Address', at: 'At', reach: 'Reachability', reachHint: 'Whether WeChat finds our callback address, and the addresses on both sides.', check: 'Check', list: 'Quotas',
  },
)
