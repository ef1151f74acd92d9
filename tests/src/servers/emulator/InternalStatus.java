package io.grpc;

/**
 * What the emulator's jar lacks: its gRPC calls a method that its own copy of this class does not
 * have, so that it never notices when a stream or a connection ends, and sends messages to
 * clients that are long gone. Compiled with `javac --release 8 -cp cloud-pubsub-emulator-*-all.jar`.
 */
public final class InternalStatus {
  public static final Metadata.Key<String> MESSAGE_KEY = Status.MESSAGE_KEY;
  public static final Metadata.Key<Status> CODE_KEY = Status.CODE_KEY;

  private InternalStatus() {}

  public static StatusRuntimeException asRuntimeExceptionWithoutStacktrace(
      Status status, Metadata trailers) {
    return new StatusRuntimeException(status, trailers);
  }

  public static StatusRuntimeException asRuntimeException(
      Status status, Metadata trailers, boolean fillInStackTrace) {
    return new StatusRuntimeException(status, trailers);
  }
}
