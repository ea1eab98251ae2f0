import { both } from '../../frame/words'

export const words = both(
  {
    title: '操作台', hint: '每个开关都要写明原因，两秒内在所有进程生效，可以随时拨回，全部记入审计日志。', noCampaign: '还没有活动', ofCampaign: '这个活动', ofProduct: '全系统', adminOnly: '全系统的开关由管理员操作。', operatorOnly: '开关由值守和管理员操作，您可以查看。',
    on: '已打开', off: '未打开', turnOn: '打开', turnOff: '关闭', change: '修改', choose: '更换', usual: '恢复默认', cancel: '取消', never: '没有动过', by: (who: string, when: string) => `${who}，${when}`, why: (reason: string) => `原因：${reason}`, until: (when: string) => `预计 ${when} 恢复`, shown: (text: string) => `页面显示：${text}`, host: (url: string) => `现在使用 ${url}`,
    reason: '原因（记入审计日志）', reasonHint: '例如：按市里通知', pauseReason: '市民看到的原因（也记入审计日志）', pauseHint: '例如：现场调整，稍后继续', text: '给市民看的文字', expected: '预计恢复时间（可不填）', chooseHost: '今后新生成的链接和二维码使用', type: (what: string) => `输入“${what}”确认`, oneHost: '只配置了一个域名；要增加请在系统设置里填写 WENMING_MORE_PUBLIC_URLS。',
    turnedOn: (name: string) => `${name}：已打开`, turnedOff: (name: string) => `${name}：已关闭`, pauseName: '暂停活动', paused: '已暂停', open: '进行中', resume: '恢复', doPause: '暂停', notOpen: '活动不在进行中，不能暂停', resumeName: '恢复活动', resumeMeans: '恢复后照常计数，页面保留的请求会自动送达。', pausedNow: '活动已暂停', resumedNow: '活动已恢复', chosen: '已更换', usualHost: '默认', chosenNow: '对外域名已更换', usualNow: '对外域名已恢复默认', mourningText: '深切哀悼', maintenanceText: '系统正在维护，您已经参与的记录都在，不会丢失',
    away: '读不到', part: (zh: string, _en: string) => zh, wrong: (parts: string[]) => `故障：${parts.join('、')}`, wall: '大屏', ceremony: '启动仪式与大屏链接', duty: '值班', bulletin: '一键战报',
    means: {
      pause: '暂停后不再计数，页面保留市民的请求，恢复后自动续传，不会丢失。', slow_mode: '页面让每个请求在三十秒内随机等待后再送达，并告诉市民正在排队；服务器不拒绝任何人。', wall_frozen: '大屏停在此刻的数字，并标明已冻结；后台照常计数。', ticker_hidden: '大屏立即收起滚动寄语。', messages_closed: '不再接收市民自己写的话和照片；现成的寄语照常可选，活动照常计数。',
      mourning: '市民页面停止音乐、动画、分享和数字滚动，显示下面的文字；国旗保持原色，活动照常计数。', ranking: '只在大屏上按人数排列区县，永远不对市民公开。一般不建议打开。', maintenance: '市民打开任何页面都看到维护页，提交的内容（包括参与）暂不受理，由页面保留、恢复后自动续传；工作台、大屏、健康检查和微信回调照常。', public_host: '只影响今后新生成的链接和海报二维码；已经印出去的短链接在每个域名下都有效。',
    } as Record<string, string>,
  },
  {
    title: 'Operations', hint: 'Every switch needs a reason, holds in all processes within two seconds, can be turned back, and goes into the audit log.', noCampaign: 'No campaigns yet', ofCampaign: 'This campaign', ofProduct: 'The whole system', adminOnly: 'Admins turn the switches of the whole system.', operatorOnly: 'Operators and admins turn switches; you can look.',
    on: 'On', off: 'Off', turnOn: 'Turn on', turnOff: 'Turn off', change: 'Change', choose: 'Change', usual: 'Back to usual', cancel: 'Cancel', never: 'Never turned', by: (who, when) => `${who}, ${when}`, why: (reason) => `Reason: ${reason}`, until: (when) => `Expected to end ${when}`, shown: (text) => `Pages say: ${text}`, host: (url) => `In use: ${url}`,
    reason: 'Reason (goes into the audit log)', reasonHint: 'For example: by notice of the city', pauseReason: 'Reason that citizens read (goes into the audit log too)', pauseHint: 'For example: a short break, back soon', text: 'Words for citizens', expected: 'Expected to end (may be left out)', chooseHost: 'Links and codes made from now on use', type: (what) => `Type “${what}” to confirm`, oneHost: 'There is one host only; more are set in WENMING_MORE_PUBLIC_URLS.',
    turnedOn: (name) => `${name}: on`, turnedOff: (name) => `${name}: off`, pauseName: 'Pause the campaign', paused: 'Paused', open: 'Open', resume: 'Resume', doPause: 'Pause', notOpen: 'The campaign is not open, so it cannot be paused', resumeName: 'Resume the campaign', resumeMeans: 'Counting goes on, and what pages kept is sent by itself.', pausedNow: 'Paused', resumedNow: 'Resumed', chosen: 'Changed', usualHost: 'Usual', chosenNow: 'Public host: changed', usualNow: 'Public host: the usual one', mourningText: '深切哀悼', maintenanceText: '系统正在维护，您已经参与的记录都在，不会丢失',
    away: 'cannot be read', part: (_zh, en) => en, wrong: (parts) => `Failed: ${parts.join(', ')}`, wall: 'Wall', ceremony: 'Ceremony and wall links', duty: 'Duty log', bulletin: 'Bulletin',
    means: {
      pause: 'Nothing is counted; pages keep what citizens sent and send it again once you resume.', slow_mode: 'Pages let each request wait a random moment within thirty seconds and say so. The server refuses nobody.', wall_frozen: 'The wall stays at the figures of this moment and says so. Counting goes on.', ticker_hidden: 'The wall takes its ticker away at once.', messages_closed: 'No own words and photos are taken. Presets and counting go on.',
      mourning: 'Pages stop music, motion, sharing and counting up, and show the words below. The flag keeps its colours, counting goes on.', ranking: 'The wall alone orders districts by number; citizens never see it. Better left off.', maintenance: 'Citizens see the maintenance page; whatever they send, salutes too, waits on their phones and is sent again by itself. Console, wall, probes and WeChat callbacks go on.', public_host: 'Only for links and codes made from now on. Printed short links work under every host.',
    },
  },
)

/** Names of the switches, for who reads English; the server's are Chinese. */
export const NAMES: Record<string, string> = { slow_mode: 'Slow-mode', wall_frozen: 'Freeze the wall', ticker_hidden: 'Hide the ticker', messages_closed: 'Close words and photos', mourning: 'Mourning', ranking: 'Ranking on the wall', maintenance: 'Maintenance page', public_host: 'Public host' }
