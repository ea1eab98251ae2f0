import { both } from '../../frame/words'

export const words = both(
  {
    title: '审核规则', hint: '每个活动一套规则；原因表是所有活动共用的。', noCampaign: '还没有活动', save: '保存', saved: '已保存', read: '重新读取', add: '加一条', remove: '删除', up: '上移', code: '代码', text: '原因（市民会看到）',
    second: '复看', secondPercent: '通过的内容抽多少给另一位审核员复看', secondHint: '百分之五：每二十条一条，一个班次内就能看出谁看走了眼。',
    fallback: '审核跟不上时', fallsBack: '自动改为只用现成寄语', fallbackHint: '待审太多或等得太久时，市民页面改为只选现成寄语并说明原因；降到恢复界限以下自动恢复。', mostWaiting: '待审超过', backBelow: '降到以下恢复', mostMinutes: '最长等待超过（分钟）', backBelowMinutes: '降到以下恢复（分钟）',
    complaints: '举报', hideAfter: '几人举报后先隐藏、等待复核（0 为不隐藏）', hideHint: '只凭人数就隐藏，容易被人利用；默认不隐藏。',
    now: '现在', free: '市民可以自己写', paused: (why: string) => `只用现成寄语：${why}`, kept: (until: string) => `手动恢复，${until} 前不自动切换`,
    reasons: '原因表', reject: '退回与撤下', ban: '禁言', complaint: '市民举报', adminOnly: '原因表由管理员维护。',
  },
  {
    title: 'Rules of review', hint: 'A set for each campaign; the reasons are shared by all.', noCampaign: 'No campaigns yet', save: 'Save', saved: 'Saved', read: 'Read again', add: 'Add', remove: 'Remove', up: 'Up', code: 'Code', text: 'Reason, as citizens read it',
    second: 'Second look', secondPercent: 'How much of what is approved another reviewer looks at', secondHint: 'Five in a hundred show within a shift whose eye slips.',
    fallback: 'When reviewers cannot keep up', fallsBack: 'Fall back to presets by itself', fallbackHint: 'Past these marks the page offers presets alone and says why; below the lower ones own words come back.', mostWaiting: 'More waiting than', backBelow: 'Back at', mostMinutes: 'Oldest for more minutes than', backBelowMinutes: 'Back at (minutes)',
    complaints: 'Reports', hideAfter: 'Hide for review after so many reports (0: never)', hideHint: 'Numbers alone are easily abused; by default nothing is hidden.',
    now: 'Now', free: 'Citizens may write their own', paused: (why) => `Presets only: ${why}`, kept: (until) => `Kept on by hand until ${until}`,
    reasons: 'Reasons', reject: 'Rejecting and taking down', ban: 'Bans', complaint: 'Reports of citizens', adminOnly: 'Admins keep the reasons.',
  },
)
