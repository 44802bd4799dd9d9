"""
Recall over gRPC with the Python stubs that Mneme installs: every item says from which message it comes.

    MNEME_GRPC=127.0.0.1:50051 MNEME_API_KEY=rai_… MNEME_PROJECT_ID=… python recall.py
"""

import asyncio
import os
import uuid

import grpc
from mneme.v1 import memory_service_pb2 as memory
from mneme.v1 import memory_service_pb2_grpc as memory_grpc
from mneme.v1 import session_pb2
from mneme.v1 import sessions_service_pb2 as sessions
from mneme.v1 import sessions_service_pb2_grpc as sessions_grpc
from mneme.v1 import users_service_pb2 as users
from mneme.v1 import users_service_pb2_grpc as users_grpc

CREDENTIALS = (
    ("x-recallr-api-key", os.environ["MNEME_API_KEY"]),
    ("x-recallr-project-id", os.environ["MNEME_PROJECT_ID"]),
)


async def main() -> None:
    """Say something, and find it again by its meaning."""
    async with grpc.aio.insecure_channel(os.environ.get("MNEME_GRPC", "127.0.0.1:50051")) as channel:
        user_id = f"ada-{uuid.uuid4()}"
        await users_grpc.UsersServiceStub(channel).CreateUser(users.CreateUserRequest(user_id=user_id), metadata=CREDENTIALS)
        service = sessions_grpc.SessionsServiceStub(channel)
        created = await service.CreateSession(sessions.CreateSessionRequest(user_id=user_id), metadata=CREDENTIALS)
        said = sessions.NewMessage(role=session_pb2.MESSAGE_ROLE_USER, content="I moved to Lisbon in May.")
        await service.AddMessages(
            sessions.AddMessagesRequest(user_id=user_id, session_id=created.session.session_id, messages=[said]),
            metadata=CREDENTIALS,
        )

        stub = memory_grpc.MemoryServiceStub(channel)
        question = memory.RecallRequest(user_id=user_id, query="Which city does Ada live in?")
        # a message can be recalled a moment after it was stored
        while not (found := (await stub.Recall(question, metadata=CREDENTIALS)).items):
            await asyncio.sleep(0.1)
        for item in found:
            print(f"{item.score:.2f}  {item.content}")
            for source in item.sources:
                print(f"      from message {source.message_index} of session {source.session_id}")


asyncio.run(main())
