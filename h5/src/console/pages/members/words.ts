import { both } from '../../frame/words'

export const words = both(
  {
    title: '工作人员', hint: '谁能登录、能做什么、负责哪些活动。每次改动都写入审计日志，下一次请求即生效。', list: '工作人员列表', none: '还没有账号', find: '按账号筛选', noneFound: '没有匹配的账号', noneFoundTeach: '请改一改筛选的文字。',
    name: '账号', nameHint: '小写字母开头，2 至 32 位小写字母、数字、_ . -，如 li.ming', role: '角色', scope: '负责的活动', all: '全部活动', named: '指定的活动', adminAll: '管理员负责全部活动。', chooseCampaigns: '选择活动', state: '状态', factors: '第二验证', last: '上次登录', never: '从未登录', open: '管理',
    active: '正常', disabled: '已停用', mustChange: '待改初始密码', locked: (when: string) => `输错过多，暂停至 ${when}`, noFactor: '无', factorNames: { totp: '验证器', recovery: '恢复码', wechat: '微信' } as Record<string, string>,
    duties: { admin: '管理账号与设置，可做一切操作', editor: '编写活动、回复、菜单与图文', reviewer: '审核留言与发布', operator: '值守：暂停活动、作废参与、查看通知', auditor: '查看审计日志与统计，不能改动' } as Record<string, string>,
    add: '新建账号', create: '新建', wrongName: '账号名不合要求', faults: { none: '请至少选择一个活动，或改为全部活动', many: '最多选 50 个活动；更多请改为全部活动' } as Record<string, string>, made: (name: string) => `账号 ${name} 已新建`,
    password: (name: string) => `${name} 的密码`, passwordOnce: '只显示这一次。请当面或电话告诉本人，不要发到群里；首次登录须修改。', copy: '复制', kept: '我已记下', save: '保存', saved: '已保存', cancel: '取消', self: '这是您自己的账号', selfWhere: '密码、第二验证与登录在“我的账号”',
    disable: '停用', enable: '启用', disableSure: (name: string) => `${name} 会立刻退出，不能再登录；以后可以重新启用。`, disabledNow: '已停用', enabledNow: '已启用',
    reset: '重置密码', resetSure: (name: string) => `${name} 的所有登录会立刻结束，原密码作废。`, unlock: '解除暂停', unlocked: '已解除，可以再试', dropFactors: '清除第二验证方式', dropSure: (name: string) => `${name} 的验证器、恢复码和微信都会作废，所有登录结束。请先确认是本人提出。`, dropped: '已清除', remove: '删除账号', removeSure: (name: string) => `删除后不能恢复，请输入账号名 ${name} 确认。它做过的操作仍在审计日志中。`, removed: (name: string) => `账号 ${name} 已删除`, wrong: '与账号名不一致',
    sessions: '登录', noSessions: '现在没有登录', place: '从哪里', browser: '浏览器', seen: '最近使用', unknownPlace: '未知', end: '结束所有登录', endSure: (name: string) => `${name} 会立刻在所有地方退出，没保存的内容会丢失。`, ended: '已结束', history: '查看它的操作', account: '账号', danger: '重要操作',
    setting: '第二验证方式', settingText: '要求管理员与审核员设置第二验证方式', settingHint: '打开后，还没有设置的管理员与审核员下一步就要先设置，包括您自己。', settingOn: '打开这项要求？', settingOff: '关闭后，只凭密码就能登录管理员与审核员账号。', turnOn: '打开', turnOff: '关闭', settingDone: '已保存',
  },
  {
    title: 'Staff', hint: 'Who may sign in, do what, and for which campaigns. Every change goes into the audit log and holds from the next request on.', list: 'Staff', none: 'No accounts yet', find: 'Filter by name', noneFound: 'No account matches', noneFoundTeach: 'Change what you typed.',
    name: 'Name', nameHint: 'A small letter first, then small letters, digits, _ . -, 2 to 32 in all, such as li.ming', role: 'Role', scope: 'Campaigns', all: 'All campaigns', named: 'Named campaigns', adminAll: 'Admins look after every campaign.', chooseCampaigns: 'Choose campaigns', state: 'State', factors: 'Second factor', last: 'Last sign-in', never: 'never', open: 'Manage',
    active: 'Active', disabled: 'Disabled', mustChange: 'first password', locked: (when) => `locked until ${when}`, noFactor: 'none', factorNames: { totp: 'app', recovery: 'codes', wechat: 'WeChat' },
    duties: { admin: 'Keeps accounts and settings, may do everything', editor: 'Writes campaigns, replies, menus and articles', reviewer: 'Reviews messages and releases', operator: 'On duty: pauses campaigns, voids, looks at notices', auditor: 'Reads the audit log and figures, changes nothing' },
    add: 'New account', create: 'Make', wrongName: 'This cannot be a name', faults: { none: 'Choose one campaign at least, or all', many: 'At most 50 campaigns; otherwise all' }, made: (name) => `Account ${name} made`,
    password: (name) => `Password of ${name}`, passwordOnce: 'Shown this once. Tell it in person or by telephone, never in a group; it is changed at the first sign-in.', copy: 'Copy', kept: 'I have noted it', save: 'Save', saved: 'Saved', cancel: 'Cancel', self: 'This is your own account', selfWhere: 'Password, second factors and sessions are under "My account"',
    disable: 'Disable', enable: 'Enable', disableSure: (name) => `${name} is signed out at once and cannot sign in; you can enable it again.`, disabledNow: 'Disabled', enabledNow: 'Enabled',
    reset: 'Reset password', resetSure: (name) => `Every session of ${name} ends at once, and the old password is void.`, unlock: 'Unlock', unlocked: 'Unlocked', dropFactors: 'Remove second factors', dropSure: (name) => `App, recovery codes and WeChat of ${name} are void, and every session ends. Make sure that it is her who asks.`, dropped: 'Removed', remove: 'Delete account', removeSure: (name) => `This cannot be undone: type the name ${name} to confirm. What it did stays in the audit log.`, removed: (name) => `Account ${name} deleted`, wrong: 'That is not the name',
    sessions: 'Sessions', noSessions: 'Not signed in now', place: 'From', browser: 'Browser', seen: 'Last used', unknownPlace: 'unknown', end: 'End all sessions', endSure: (name) => `${name} is signed out everywhere at once and loses what is not saved.`, ended: 'Ended', history: 'See what it did', account: 'Account', danger: 'Steps that matter',
    setting: 'Second factors', settingText: 'Ask admins and reviewers for a second factor', settingHint: 'Once on, admins and reviewers without one have to set it up before anything else, you too.', settingOn: 'Turn this on?', settingOff: 'A password alone then opens the accounts of admins and reviewers.', turnOn: 'Turn on', turnOff: 'Turn off', settingDone: 'Saved',
  },
)
