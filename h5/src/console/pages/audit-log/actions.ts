/** What an action is called: its thing and what was done with it. One that is not here is shown as it is written in the log. */
import { both, language } from '../../frame/words'

/** Those that can be chosen to filter by; any other can be typed. */
export const KNOWN = [
  'staff.sign_in', 'staff.sign_in_denied', 'staff.locked', 'staff.password', 'staff.totp_on', 'staff.totp_off', 'staff.recovery_codes', 'staff.wechat_on', 'staff.wechat_off', 'staff.session_end', 'staff.sessions_end',
  'staff.create', 'staff.change', 'staff.delete', 'staff.unlock', 'staff.factors_reset', 'staff.second_factor', 'audit_log.export',
  'campaign.create', 'campaign.clone', 'campaign.update', 'campaign.state', 'campaign.release', 'campaign.release_at', 'campaign.unschedule', 'campaign.take_down', 'campaign.bin', 'campaign.recover',
  'draft.edit', 'draft.preview', 'draft.restore', 'correction.begin', 'review.steps', 'review.submit', 'review.withdraw', 'review.approve', 'review.return', 'review.link', 'places.import', 'places.copy', 'message.approve', 'message.reject', 'words.keep', 'wording.keep', 'participation.void', 'school.letters', 'school.code', 'school.teacher_revoke', 'group_report.void',
  'reply_rule.create', 'reply_rule.update', 'reply_rule.delete', 'menu.keep', 'menu.publish', 'draft.add', 'draft.update', 'draft.delete', 'draft.mass_send', 'mass_send.delete', 'material.upload', 'material.delete',
  'tag.create', 'tag.rename', 'tag.delete', 'tag.members', 'blacklist.change', 'follower.remark', 'followers.refresh', 'notices.keep', 'quota.clear',
  'report.ask', 'report.download', 'export.ask', 'export.consent', 'export.refuse', 'export.download', 'kit.make', 'kit.download', 'bulletin.make', 'bulletin.settings', 'duty.write', 'duty.acknowledge', 'duty.export', 'link.remove', 'scene.remove',
  'item.approve', 'item.reject', 'item.take_down', 'item.confirm', 'item.reverse', 'photo.approve', 'photo.reject', 'photo.take_down', 'vote.candidate', 'vote.papers', 'vote.papers_consent', 'vote.papers_void', 'vote.recount', 'ban.make', 'ban.note', 'ban.lift', 'complaint.answer', 'source.ask', 'source.consent', 'source.refuse', 'source.open', 'case.export', 'own_words.pause', 'own_words.resume', 'review_rules.keep', 'review_reasons.keep',
  'alarm.acknowledge', 'alarm.silence', 'alarm.unsilence', 'alarm.test', 'kiosk.make', 'kiosk.revoke', 'ceremony.arm', 'ceremony.disarm', 'ceremony.open', 'wall_map.keep', 'wall_map.remove',
  'store.restore', 'switch.on', 'switch.off', 'refused.role_refused', 'refused.scope_refused', 'refused.csrf_refused',
] as const

const words = both(
  {
    things: {
      store: '数据库', staff: '工作人员', audit_log: '审计日志', campaign: '活动', review: '审核', places: '地区与单位', message: '留言', words: '词库', wording: '用词规则', participation: '参与', reply_rule: '自动回复', menu: '菜单', draft: '草稿', mass_send: '群发', material: '素材', media: '图片与视频',
      tag: '标签', blacklist: '黑名单', follower: '关注者', followers: '关注者', notices: '通知', quota: '接口额度', report: '统计报告', export: '导出', link: '短链', kit: '物料包', mini_code: '小程序码', mini_link: '小程序链接', scene: '二维码', correction: '更正', refused: '被拒绝', school: '学校', group_report: '集体上报', item: '市民内容', ban: '禁言', complaint: '举报', source: '来源记录', case: '事件包', own_words: '自己写寄语', review_rules: '审核规则', review_reasons: '原因表', photo: '照片', vote: '投票', switch: '开关', alarm: '告警', bulletin: '战报', duty: '值班日志', kiosk: '大屏链接', ceremony: '启动仪式', wall_map: '大屏地图',
    } as Record<string, string>,
    acts: {
      sign_in: '登录', sign_in_denied: '手机上拒绝登录', locked: '输错过多，暂停登录', password: '修改密码', totp_on: '启用验证器', totp_off: '停用验证器', recovery_codes: '生成恢复码', wechat_on: '绑定微信', wechat_off: '解除微信', session_end: '结束一次登录', sessions_end: '结束多次登录', factors_reset: '清除第二验证方式', second_factor: '第二验证要求', unlock: '解除暂停',
      create: '新建', clone: '复制', change: '修改', update: '修改', edit: '修改', delete: '删除', bin: '移入回收站', recover: '恢复', restore: '恢复', state: '改变状态', release: '发布', release_at: '定时发布', release_refused: '发布被拒', unschedule: '取消定时', take_down: '撤下', begin: '开始', submit: '提交', withdraw: '撤回', steps: '审核步骤',
      import: '导入', approve: '通过', reject: '驳回', keep: '保存', publish: '发布', add: '新增', discard: '丢弃', rebase: '合并更新', preview: '预览', upload: '上传', void: '作废', rename: '改名', members: '成员变动', remark: '备注', refresh: '全量核对', move: '迁移', clear: '清零', cleared: '已清零', ask: '申请', consent: '同意', refuse: '拒绝', download: '下载', unit_download: '下载单位报告', settings: '设置', export: '导出', point: '改指', remove: '删除', make: '生成', get: '生成', letters: '打印授权信', code: '换授权码', teacher_revoke: '撤销老师',
      role_refused: '角色不允许', scope_refused: '不在负责的活动内', csrf_refused: '页面过期', mass_send: '群发', confirm: '复看通过', reverse: '复看撤下', note: '记申诉', lift: '解除', answer: '答复', open: '查看', pause: '暂停', resume: '恢复', copy: '沿用', return: '退回', link: '发手机链接', candidate: '候选人变动', papers: '录入纸质票', papers_consent: '认可纸质票', papers_void: '作废纸质票', recount: '重新计票', on: '打开', off: '关闭', acknowledge: '确认', silence: '静默', unsilence: '结束静默', test: '发测试消息', write: '记录', revoke: '停用', arm: '进入等待', disarm: '退出等待',
    } as Record<string, string>,
  },
  {
    things: {
      store: 'Stores', staff: 'Staff', audit_log: 'Audit log', campaign: 'Campaign', review: 'Review', places: 'Places', message: 'Message', words: 'Word lists', wording: 'Wording', participation: 'Participation', reply_rule: 'Reply', menu: 'Menu', draft: 'Draft', mass_send: 'Mass send', material: 'Material', media: 'Pictures and films',
      tag: 'Tag', blacklist: 'Blacklist', follower: 'Follower', followers: 'Followers', notices: 'Notices', quota: 'Quotas', report: 'Report', export: 'Export', link: 'Short link', kit: 'Kit', mini_code: 'Mini-program code', mini_link: 'Mini-program link', scene: 'QR code', correction: 'Correction', refused: 'Refused', school: 'School', group_report: 'Group report', item: 'Item of a citizen', ban: 'Ban', complaint: 'Report of a citizen', source: 'Source record', case: 'Case file', own_words: 'Own words', review_rules: 'Rules of review', review_reasons: 'Reasons', photo: 'Photo', vote: 'Vote', switch: 'Switch', alarm: 'Alarm', bulletin: 'Bulletin', duty: 'Duty log', kiosk: 'Wall link', ceremony: 'Opening ceremony', wall_map: 'Map of the wall',
    },
    acts: {
      sign_in: 'signed in', sign_in_denied: 'declined on the phone', locked: 'too many wrong tries', password: 'password changed', totp_on: 'app on', totp_off: 'app off', recovery_codes: 'recovery codes', wechat_on: 'WeChat bound', wechat_off: 'WeChat unbound', session_end: 'session ended', sessions_end: 'sessions ended', factors_reset: 'factors removed', second_factor: 'second factors asked for', unlock: 'unlocked',
      create: 'made', clone: 'copied', change: 'changed', update: 'changed', edit: 'changed', delete: 'deleted', bin: 'to the bin', recover: 'brought back', restore: 'brought back', state: 'state', release: 'released', release_at: 'release planned', release_refused: 'release refused', unschedule: 'plan dropped', take_down: 'taken down', begin: 'begun', submit: 'submitted', withdraw: 'withdrawn', steps: 'steps',
      import: 'imported', approve: 'approved', reject: 'rejected', keep: 'kept', publish: 'published', add: 'added', discard: 'discarded', rebase: 'brought up to date', preview: 'previewed', upload: 'uploaded', void: 'voided', rename: 'renamed', members: 'members', remark: 'remark', refresh: 'refresh', move: 'moved', clear: 'clear', cleared: 'cleared', ask: 'asked', consent: 'consented', refuse: 'refused', download: 'downloaded', unit_download: 'unit report downloaded', settings: 'settings', export: 'exported', point: 'led elsewhere', remove: 'deleted', make: 'made', get: 'made', letters: 'letters printed', code: 'new code', teacher_revoke: 'teacher revoked',
      role_refused: 'role', scope_refused: 'scope', csrf_refused: 'page out of date', mass_send: 'mass send', confirm: 'confirmed', reverse: 'reversed', note: 'noted', lift: 'lifted', answer: 'answered', open: 'opened', pause: 'paused', resume: 'resumed', copy: 'taken over', return: 'returned', link: 'link for the phone', candidate: 'candidate changed', papers: 'paper ballots entered', papers_consent: 'paper ballots confirmed', papers_void: 'paper ballots voided', recount: 'counted again', on: 'turned on', off: 'turned off', acknowledge: 'acknowledged', silence: 'silenced', unsilence: 'silence ended', test: 'tested', write: 'entry written', revoke: 'revoked', arm: 'armed', disarm: 'disarmed',
    },
  },
)

export function actionName(action: string): string {
  const [thing = '', act = ''] = action.split('.')
  const t = words[language.value]
  return t.things[thing] && t.acts[act] ? `${t.things[thing]} · ${t.acts[act]}` : ''
}
