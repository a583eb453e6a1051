"""Corrections of how people sign in: the password policy, the set-up of an authenticator, and the sessions between the steps.

Pools that require MFA answer MFA_SETUP to people without an authenticator, and a challenge is answered only with the session
that it was given in: docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AssociateSoftwareToken.html and
API_RespondToAuthChallenge.html.
"""

PATCHES = {
    "ministack.services.cognito": [
        # A secret of 256 bits, which RFC 5054 asks for, makes a sign-in five times as fast as one of 3072 bits.
        ("    b = secrets.randbelow(_SRP_N - 2) + 1\n", "    b = 1 << 255 | secrets.randbits(255)\n"),
        (
            """def _mfa_challenge_for_user(pool: dict, user: dict, pid: str, username: str) -> dict | None:
""",
            """# Session string -> the step of a sign-in that it continues.
_sign_in_steps: dict[str, dict] = {}


def _begin_step(pid, cid, user, challenge):
    session = base64.b64encode(secrets.token_bytes(32)).decode()
    _sign_in_steps[session] = {"pool": pid, "client": cid, "user": user["Username"], "challenge": challenge}
    return session


def _step_error(data, user, challenge):
    step = _sign_in_steps.get(data.get("Session") or "")
    if step and step["user"] == user["Username"] and step["challenge"] == challenge \\
            and step["client"] == data.get("ClientId"):
        return None
    return error_response_json("NotAuthorizedException", "Invalid session for the user.", 400)


def _step_user(session):
    step = _sign_in_steps.get(session or "")
    if not step or step["challenge"] != "MFA_SETUP":
        return None
    return _resolve_user(_user_pools[step["pool"]], step["user"])[0]


def _mfa_challenge_for_user(pool: dict, user: dict, pid: str, username: str, cid: str) -> dict | None:
""",
        ),
        (
            """    # ON: challenge if TOTP is set up; if not set up yet, skip (let them enroll)
    if mfa_config == "ON" and "SOFTWARE_TOKEN_MFA" not in enabled_mfa:
        return None
    session = base64.b64encode(secrets.token_bytes(32)).decode()
    return {""",
            """    if mfa_config == "ON" and "SOFTWARE_TOKEN_MFA" not in enabled_mfa:
        return {
            "ChallengeName": "MFA_SETUP",
            "Session": _begin_step(pid, cid, user, "MFA_SETUP"),
            "ChallengeParameters": {"USER_ID_FOR_SRP": username, "MFAS_CAN_SETUP": '["SOFTWARE_TOKEN_MFA"]'},
        }
    session = _begin_step(pid, cid, user, "SOFTWARE_TOKEN_MFA")
    return {""",
        ),
        (
            """        mfa_challenge = _mfa_challenge_for_user(pool, user, pid, username)
    _record_auth_event(pool, user, data or {}, "SignIn", "InProgress" if mfa_challenge else "Pass",
                       (("Password", "Success"),), (mfa_challenge or {}).get("Session"))
    if user.get("UserStatus") == "FORCE_CHANGE_PASSWORD":
        session = base64.b64encode(secrets.token_bytes(32)).decode()
        return json_response({""",
            """        mfa_challenge = _mfa_challenge_for_user(pool, user, pid, username, cid)
    _record_auth_event(pool, user, data or {}, "SignIn", "InProgress" if mfa_challenge else "Pass",
                       (("Password", "Success"),), (mfa_challenge or {}).get("Session"))
    if user.get("UserStatus") == "FORCE_CHANGE_PASSWORD":
        session = _begin_step(pid, cid, user, "NEW_PASSWORD_REQUIRED")
        return json_response({""",
        ),
        (
            """        new_password = responses.get("NEW_PASSWORD") or responses.get("PASSWORD")
        client_metadata = data.get("ClientMetadata", {})
        user, _err = _resolve_user(pool, username)
        if _err:
            return _hidden_user_error(pool, cid, _err)
        refused = _password_signin_refused(user)
        if refused:
            return refused
        if new_password:
            user["_password"] = new_password
        user["UserStatus"] = "CONFIRMED"
        user["UserLastModifiedDate"] = _now_epoch()
        _record_auth_event(pool, user, data, "PasswordChange", "Pass")
        return json_response({"AuthenticationResult": _build_auth_result(
            pid, cid, user, trigger_source="TokenGeneration_NewPasswordChallenge",
            client_metadata=client_metadata)})

    if challenge_name in ("SOFTWARE_TOKEN_MFA", "MFA_SETUP"):
        username = responses.get("USERNAME")
        client_metadata = data.get("ClientMetadata", {})
        user, _err = _resolve_user(pool, username)
        if _err:
            return _hidden_user_error(pool, cid, _err)
""",
            """        new_password = responses.get("NEW_PASSWORD") or responses.get("PASSWORD")
        client_metadata = data.get("ClientMetadata", {})
        user, _err = _resolve_user(pool, username)
        if _err:
            return _hidden_user_error(pool, cid, _err)
        refused = _password_signin_refused(user) or _step_error(data, user, "NEW_PASSWORD_REQUIRED") \\
            or _validate_password(pool, new_password or "")
        if refused:
            return refused
        user["_password"] = new_password
        user["UserStatus"] = "CONFIRMED"
        user["UserLastModifiedDate"] = _now_epoch()
        _record_auth_event(pool, user, data, "PasswordChange", "Pass")
        _sign_in_steps.pop(data.get("Session"), None)
        return _password_auth_result(pool, pid, cid, user, user["Username"], client_metadata, data)

    if challenge_name in ("SOFTWARE_TOKEN_MFA", "MFA_SETUP"):
        username = responses.get("USERNAME")
        client_metadata = data.get("ClientMetadata", {})
        user, _err = _resolve_user(pool, username)
        if _err:
            return _hidden_user_error(pool, cid, _err)
        refused = _step_error(data, user, "MFA_VERIFIED" if challenge_name == "MFA_SETUP" else challenge_name)
        if refused:
            return refused
""",
        ),
        (
            """    user = _user_for_access_token(data.get("AccessToken"))
    if user is not None:
        user["_totp_pending_secret"] = secret
    _totp_session_secrets[session] = secret
    return json_response({"SecretCode": secret, "Session": session})""",
            """    user = _user_for_access_token(data.get("AccessToken"))
    if user is not None:
        user["_totp_pending_secret"] = secret
        return json_response({"SecretCode": secret})
    step = _sign_in_steps.get(data.get("Session") or "")
    if not step or step["challenge"] != "MFA_SETUP":
        return error_response_json("NotAuthorizedException", "Invalid session for the user.", 400)
    _sign_in_steps[session] = step
    _totp_session_secrets[session] = secret
    return json_response({"SecretCode": secret, "Session": session})""",
        ),
        (
            """    user = _user_for_access_token(access_token)
    secret = None
    if user is not None:""",
            """    user = _user_for_access_token(access_token) or _step_user(session)
    secret = None
    if user is not None and access_token:""",
        ),
        (
            """        resp["Session"] = base64.b64encode(secrets.token_bytes(32)).decode()
    return json_response(resp)


# ===========================================================================
# IDP TAGS""",
            """        step = _sign_in_steps.pop(session)
        resp["Session"] = base64.b64encode(secrets.token_bytes(32)).decode()
        _sign_in_steps[resp["Session"]] = {**step, "challenge": "MFA_VERIFIED"}
    return json_response(resp)


# ===========================================================================
# IDP TAGS""",
        ),
    ],
}
