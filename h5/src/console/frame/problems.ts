/**
 * What to do about a refusal. The server's own Chinese words come first, for they name the case; the advice below them says what to do next.
 * English readers get our words for the code where there are any. A code that is not here needs no advice.
 */
import { Refused } from '../session'
import { language, type Language } from './words'

export interface Explained {
  what: string
  advice: string
  code: string
  requestId: string
}

type Advice = Record<Language, string> & { said?: string }

export const ADVICE: Record<string, Advice> = {
  NO_ANSWER: { zh: '请检查网络；已填写的内容还在本页，恢复后再点一次即可。', en: 'Check the network. What you typed is still here: try again once you are back.', said: 'The server cannot be reached' },
  UNREADABLE: { zh: '多半是服务正在重启，一分钟后再试；仍不行请告诉运维。', en: 'The service is probably restarting. Try again in a minute, then tell operations.', said: 'The server gave no proper answer' },
  INTERNAL: { zh: '请把下面的请求编号告诉运维，他们能查到原因。', en: 'Give the request number below to operations: they can find the cause.', said: 'Something went wrong on the server' },
  BUSY: { zh: '稍等几秒再试，刚才没有改动任何内容。', en: 'Try again in a few seconds. Nothing was changed.', said: 'Too many people at once' },
  STORE_UNAVAILABLE: { zh: '没有改动任何内容；几秒后再试，持续出现请告诉运维。', en: 'Nothing was changed. Try again in a few seconds; if it lasts, tell operations.', said: 'The data service did not answer' },
  SWITCHES_CHANGED: { zh: '已重新读取，请关闭这个窗口，看清现在的状态再操作。', en: 'It was read again: close this window and look before you go on.', said: 'Somebody else has just turned a switch' },
  ROLE_REFUSED: { zh: '请有这个角色的同事操作，或请管理员调整您的角色。', en: 'Ask a colleague with that role, or an admin to change yours.', said: 'Your role may not do this' },
  SCOPE_REFUSED: { zh: '这里不属于您负责的活动；需要时请管理员在“工作人员”页调整范围。', en: 'This is outside the campaigns that you look after. An admin can widen them on the staff page.', said: 'Your account is for named campaigns only' },
  REAUTHENTICATION_NEEDED: { zh: '没有改动任何内容。再点一次，在弹出的窗口里输入您的密码即可。', en: 'Nothing was changed. Do it again and type your password in the window that opens.', said: 'This needs your password once more' },
  PASSWORD_CHANGE_NEEDED: { zh: '请刷新页面，按提示修改初始密码后再继续。', en: 'Reload the page and change your first password.', said: 'Your first password has to be changed' },
  SECOND_FACTOR_NEEDED: { zh: '请刷新页面，按提示设置第二验证方式后再继续。', en: 'Reload the page and set up a second factor.', said: 'A second factor has to be set up' },
  SIGN_IN_FAILED: { zh: '请核对后再输入；连续输错会暂停一段时间。', en: 'Check it and type it again; several wrong ones lock the account for a while.', said: 'The password is wrong' },
  SECOND_FACTOR_WRONG: { zh: '请等验证器换成下一组数字再输入，并确认手机时间准确。', en: 'Wait for the next digits, and check that the phone shows the right time.', said: 'The code is wrong or was used' },
  ACCOUNT_LOCKED: { zh: '请过一会儿再试，或请管理员在“工作人员”页解除暂停。', en: 'Wait a while, or ask an admin to unlock the account on the staff page.', said: 'Too many wrong tries' },
  WEAK_PASSWORD: { zh: '换一个更长、更少见的密码，例如几个不相干的词。', en: 'Choose one of 10 characters or more that nobody would guess, such as some words that have nothing to do with each other.', said: 'That password is too easy' },
  TOTP_NOT_BEGUN: { zh: '请重新生成二维码，扫描后再输入数字。', en: 'Make a new QR code, scan it, then type the digits.', said: 'The QR code has to be scanned first' },
  SESSION_NOT_FOUND: { zh: '列表会自动更新。', en: 'The list is read again.', said: 'That session has ended already' },
  NAME_TAKEN: { zh: '请换一个账号名，例如加上科室。', en: 'Choose another name, for example with the department.', said: 'There is an account of this name' },
  TOO_MANY_MEMBERS: { zh: '请先删除不再使用的账号。', en: 'Delete accounts that nobody uses any more.', said: 'There are too many accounts' },
  MEMBER_CHANGED: { zh: '请对比别人改了什么，再决定保留哪一份。', en: 'Compare what others changed, then choose which to keep.', said: 'Somebody else has just changed this account' },
  LAST_ADMIN: { zh: '请先让另一位同事成为管理员。', en: 'Make somebody else an admin first.', said: 'There has to be an admin who can sign in' },
  DISABLE_FIRST: { zh: '请先停用这个账号，再删除。', en: 'Disable the account, then delete it.', said: 'An admin is disabled before being deleted' },
  CSRF_REFUSED: { zh: '请刷新页面；如果您在别处退出过，请重新登录。', en: 'Reload the page, and sign in again if you signed out elsewhere.', said: 'This page is out of date' },
  INVALID_BODY: { zh: '请按提示修改标出的内容再提交。', en: 'Change what is marked and send it again.', said: 'Something in the form is wrong' },
  BODY_TOO_LARGE: { zh: '请减少内容，或分几次提交。', en: 'Send less, or in several parts.', said: 'That is too large' },
  SCHOOL_CODE_CHANGED: { zh: '请重新打开这所学校，打印最新的信。', en: 'Open the school again and print the newest letter.', said: 'Somebody else has just made a new code' },
  TEACHER_NOT_FOUND: { zh: '请重新打开这所学校。', en: 'Open the school again.', said: 'That teacher is not in the list any more' },
  GROUP_REPORT_NOT_FOUND: { zh: '列表会显示最新的状态。', en: 'The list shows the newest state.', said: 'No report stands for this class and day' },
  NOT_FOUND: { zh: '它可能已被删除，请返回列表刷新。', en: 'It may have been deleted. Go back to the list and reload.', said: 'Not found' },
  CAMPAIGN_CHANGED: { zh: '请重新读取本页，核对别人改了什么，再操作一次。', en: 'Reload, look at what others changed, and do it again.', said: 'Somebody else has just changed this campaign' },
  NOT_READY_TO_OPEN: { zh: '请补齐上面列出的内容，再发布。', en: 'Add what is listed above, then go on.', said: 'The campaign is not ready to open' },
  STILL_COUNTING: { zh: '请在结束 30 分钟后再归档。', en: 'Archive it 30 minutes after its end.', said: 'The campaign is still being counted' },
  RULE_CHANGED: { zh: '请对比别人改了什么，再决定保留哪一份。', en: 'Compare what others changed, then choose which to keep.', said: 'Somebody else has just changed this rule' },
  WORDS_CHANGED: { zh: '请对比别人改了什么，再决定保留哪一份。', en: 'Compare what others changed, then choose which to keep.', said: 'Somebody else has just changed the word lists' },
  DRAFT_CHANGED: { zh: '请重新读取草稿，核对后再操作。', en: 'Read the draft again, check it, then go on.', said: 'The draft was changed' },
  EXPRESSION_WRONG: { zh: '不支持反向引用和环视；不确定时请改用“包含”。', en: 'Back references and look-around are not supported. In doubt use "contains".', said: 'The expression is wrong' },
  ITEM_HELD: { zh: '请先看下一条；对方一分钟内没有处理就会自动放开。', en: 'Go on with the next one; it is free again within a minute.', said: 'Somebody else is looking at it' },
  ITEM_DECIDED: { zh: '列表会自动跳过它，不需要再操作。', en: 'The list goes on: nothing is left to do.', said: 'It was decided or deleted already' },
  ITEM_NOT_FOUND: { zh: '多半是市民自己删除了，请刷新列表。', en: 'Probably the citizen deleted it. Read the list again.', said: 'It is not there' },
  OWN_DECISION: { zh: '请另一位审核员登录后复看。', en: 'Another reviewer has to look at it.', said: 'You approved this one yourself' },
  BAN_CHANGED: { zh: '请刷新列表，核对后再操作。', en: 'Read the list again, then go on.', said: 'Somebody else changed this ban' },
  CASE_ANSWERED: { zh: '列表已有答复，不需要再操作。', en: 'It is answered: nothing is left to do.', said: 'Somebody else has answered' },
  OPENING_DECIDED: { zh: '列表已刷新，不需要再操作。', en: 'The list was read again: nothing is left to do.', said: 'Somebody else has decided this' },
  SOURCE_RECORD_SHUT: { zh: '需要时请重新申请，并写明原因。', en: 'Ask again if you need it, and say why.', said: 'It is not open for you now' },
  SOURCE_RECORD_GONE: { zh: '来源记录保存 180 天后删除，不能恢复。', en: 'Source records go after 180 days.', said: 'There is no source record' },
  RULES_CHANGED: { zh: '请重新读取，核对别人改了什么，再保存。', en: 'Read them again, look at what others changed, then save.', said: 'Somebody else has just changed the rules' },
  REASONS_CHANGED: { zh: '请重新读取，核对别人改了什么，再保存。', en: 'Read them again, look at what others changed, then save.', said: 'Somebody else has just changed the reasons' },
  FOUR_EYES: { zh: '请另一位审核员或管理员登录后确认。', en: 'Ask another reviewer or an admin to confirm.', said: 'Who wrote a draft may not confirm its mass send' },
  TITLE_DIFFERS: { zh: '请照着第一篇的标题原样输入。', en: 'Type the title of the first article exactly.', said: 'The title differs from the draft' },
  BATCH_DIFFERS: { zh: '请换一个批次号，或照原批次的内容再提交。', en: 'Choose another batch name, or send exactly what the batch was.', said: 'This name belongs to another batch' },
  WECHAT_UNREACHABLE: { zh: '微信暂时没有应答，没有改动任何内容；稍后再试。', en: 'WeChat did not answer, and nothing was changed. Try again later.', said: 'WeChat cannot be reached' },
  WECHAT_BUSY: { zh: '微信繁忙，一分钟后再试。', en: 'Try again in a minute.', said: 'WeChat is busy' },
  WECHAT_MISCONFIGURED: { zh: '请管理员核对 AppID、AppSecret 与 IP 白名单。', en: 'Ask an admin to check AppID, AppSecret and the IP whitelist.', said: 'The account is not set up properly' },
  WECHAT_QUOTA_SPENT: { zh: '请明天再试，或请管理员在“额度”页查看与清零。', en: 'Try tomorrow, or ask an admin to look at the quota page.', said: "Today's calls to WeChat are used up" },
  WECHAT_NOT_PERMITTED: { zh: '这个接口需要认证过的账号；请在公众平台查看接口权限。', en: 'This needs a verified account. Look at its permissions on the platform.', said: 'The account may not do this' },
  UNKNOWN_ACCOUNT: { zh: '请换成列出的账号之一。', en: 'Choose one of the accounts that are listed.', said: 'This account is not connected here' },
  MATERIAL_UNKNOWN: { zh: '打开“素材”页，上传后复制 media_id。', en: 'Upload it under Materials and copy its media_id.', said: 'There is no such material in the account' },
  MATERIAL_TEMPORARY: { zh: '在“素材”页上传为永久素材，再用新的 media_id。', en: 'Upload it as a permanent one under Materials.', said: 'A temporary material ends in three days' },
  NOTICE_WOULD_BE_CUT: { zh: '改短这一项，或确认截短后再提交。', en: 'Shorten it, or confirm that it may be cut.', said: 'A field is too long' },
  DRAFT_PUBLISHED: { zh: '新建一份草稿，写好后再发布。', en: 'Write a new draft and publish that.', said: 'This draft was published and stays as it is' },
  DRAFT_SENT: { zh: '新建一份草稿，写好后再发。', en: 'Write a new draft.', said: 'This draft was sent and stays as it is' },
  ACCOUNT_NOT_FOUND: { zh: '请在页面上方换一个账号。', en: 'Choose another account above.', said: 'There is no such account here' },
  JOB_RUNNING: { zh: '请等它做完，进度就在本页。', en: 'Wait until it has ended. This page shows how far it is.', said: 'The last one is still running' },
  MATERIAL_TYPE_WRONG: { zh: '请确认文件确实是所选的类型，不要只改扩展名。', en: 'Make sure that the file is what you chose, not just by its name.', said: 'The file is not of the chosen kind' },
  MATERIALS_BUSY: { zh: '稍候几秒再传。', en: 'Try again in some seconds.', said: 'Too many files are coming in' },
  MEDIA_CHANGED: { zh: '请对比别人改了什么，再决定保留哪一份。', en: 'Compare what others changed, then choose which to keep.', said: 'Somebody else has just changed this' },
  MEDIA_IN_USE: { zh: '请先在下面“哪里在使用”列出的地方换掉它。', en: 'Replace it first where it is used: the list is below.', said: 'It is still used' },
  MEDIA_ALT_MISSING: { zh: '它正在页面上使用，替代文字不能清空。', en: 'It stands on a page: keep its alt text.', said: 'This picture needs alt text' },
  MEDIA_BUSY: { zh: '文件还在，稍候几秒再继续。', en: 'The file is safe. Go on in some seconds.', said: 'Too many files are in work' },
  TOO_MANY_UPLOADS: { zh: '在本页“没有传完的上传”里继续或取消一些，再点“继续”。', en: 'Finish or cancel some of the unfinished uploads on this page, then go on.', said: 'Too many uploads are unfinished' },
  UPLOAD_OVERTAKEN: { zh: '请在那一处传完，或关掉那一处再点“继续”。', en: 'Let the other tab finish, or close it and go on here.', said: 'Another tab is sending this file' },
  REPORT_SETTINGS_CHANGED: { zh: '请对比别人改了什么，再决定保留哪一份。', en: 'Compare what others changed, then choose which to keep.', said: 'Somebody else has just changed the settings' },
  REPORTS_BUSY: { zh: '半分钟后再试一次。', en: 'Try again in half a minute.', said: 'Tables are being made for others' },
  SECOND_PERSON_NEEDED: { zh: '请另一位管理员或审计人员登录后同意。', en: 'Ask another admin or an auditor to sign in and consent.', said: 'Who asked may not consent herself' },
  PAPERS_SECOND_PERSON: { zh: '请另一位值守、审核员或管理员登录后核对同意。', en: 'Ask another operator, a reviewer or an admin to check and consent.', said: 'Who entered it may not consent herself' },
  PAPERS_DECIDED: { zh: '请刷新列表，再看它现在的状态。', en: 'Read the list again to see how it stands.', said: 'Somebody else has consented to it or voided it' },
  EXPORT_DECIDED: { zh: '列表已刷新，不需要再操作。', en: 'The list was read again: nothing is left to do.', said: 'Somebody else has decided this export' },
  LINK_PAGE_MISSING: { zh: '请核对地址；活动页是 /c/ 加活动代码。', en: 'Check the address: a campaign is /c/ and its code.', said: 'This site has no such page' },
  LINK_IN_USE: { zh: '要停用它，请改指到别的页面。', en: 'Lead it to another page instead.', said: 'This link is still used' },
  SCENE_IN_USE: { zh: '先处理上面说的用处，再删除。', en: 'See to what is named above first.', said: 'This code is still used' },
  SCENE_TAKEN: { zh: '请换一个场景值；印出去的码永远指向原来的页面。', en: 'Choose another scene: what is printed keeps its page.', said: 'This scene leads elsewhere already' },
}

export function explain(error: unknown): Explained {
  if (!(error instanceof Refused)) return { what: language.value === 'zh' ? '没有做成，请再试一次' : 'That did not work. Try again', advice: '', code: '', requestId: '' }
  const advice = ADVICE[error.code] ?? (error.status === 404 ? ADVICE.NOT_FOUND : undefined)
  return {
    what: (language.value === 'en' && ADVICE[error.code]?.said) || error.message,
    advice: advice?.[language.value] ?? '',
    code: error.code,
    requestId: error.requestId,
  }
}
